# Writes types_survey.csv, 420 SIMULATED respondents (nobody's answers), and types.csv: what R finds in them about types of
# loyalty: adjusted contrasts, simple slopes, the product of two scores freed of error (the suite's formula written out by
# itself; lavaan with a single indicator of the product after Ping 1995; semTools' products of indicators), Gaussian mixtures
# (mclust). Run: Rscript types.R
suppressPackageStartupMessages({library(lavaan); library(mclust); library(semTools)})
RNGversion("4.0.0")
set.seed(20251130)
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])
folder <- dirname(normalizePath(script))

n <- 420
team <- sort(c(seq_len(24), sample(24, n - 24, replace = TRUE)))
age <- round(rnorm(n, 45, 13))
z <- (age - 45) / 13
attitude <- .3 * z + .3 * rnorm(24)[team] + rnorm(n)
patronage <- .4 * attitude + .2 * rnorm(24)[team] + .9 * rnorm(n)
advocacy <- .5 * attitude + .3 * patronage + .25 * attitude * patronage + .2 * z + .3 * rnorm(24)[team] + .8 * rnorm(n)
search <- -.4 * attitude - .2 * patronage + .3 * rnorm(24)[team] + .9 * rnorm(n)
item <- function(f, load) pmin(9, pmax(1, round(5 + 1.2 * load * f + .9 * rnorm(n))))
class <- sample(3, n, replace = TRUE, prob = c(.5, .3, .2))
d <- data.frame(
  id = seq_len(n), team = sprintf("t%02d", team), w = round(pmin(3, pmax(.3, exp(.4 * rnorm(n)))), 3), age,
  att1 = item(attitude, 1), att2 = item(attitude, .9), att3 = 10 - item(attitude, .8),
  pat1 = item(patronage, 1), pat2 = item(patronage, .9), adv1 = item(advocacy, 1), adv2 = item(advocacy, .9),
  sea1 = item(search, 1),
  mix1 = round(c(0, 3, -1)[class] + c(1, .6, .8)[class] * rnorm(n), 6),
  mix2 = round(c(0, 2, 4)[class] + c(.8, 1, .5)[class] * rnorm(n), 6))
write.csv(d, file.path(folder, "types_survey.csv"), row.names = FALSE, quote = FALSE)
d <- read.csv(file.path(folder, "types_survey.csv"))
d$att3 <- 10 - d$att3
d$attitude <- rowMeans(d[c("att1", "att2", "att3")])
d$patronage <- rowMeans(d[c("pat1", "pat2")])
d$advocacy <- rowMeans(d[c("adv1", "adv2")])
d$search <- d$sea1

rows <- list()
keep <- function(case, outcome, term, value, error = NA)
  rows[[length(rows) + 1]] <<- data.frame(case, outcome, term, value = as.numeric(value), error = as.numeric(error))

# Weighted moments with divisor n - 1 of weights that sum to n, as the suite has them.
moments <- function(x, w) {
  w <- w / sum(w) * length(w)
  mean <- colSums(x * w) / sum(w)
  centred <- sweep(x, 2, mean)
  list(mean = mean, cov = t(centred) %*% (centred * w) / (length(w) - 1))
}

# Types against the cuts 5.5 and 5.5; contrasts of means adjusted for age, in SDs.
d$type <- factor(c("none", "inertia", "latent", "premium")[1 + 2 * (d$attitude >= 5.5) + (d$patronage >= 5.5)],
                 levels = c("none", "inertia", "latent", "premium"))
pairs <- list(c("premium", "latent"), c("latent", "inertia"), c("inertia", "none"))
contrasts_of <- function(d, wt, y) {  # d has a column w of its own
  fit <- lm(reformulate(c("type", "age"), y), d, weights = wt)
  b <- c(none = 0, setNames(coef(fit)[paste0("type", levels(d$type)[-1])], levels(d$type)[-1]))
  sapply(pairs, function(p) b[[p[1]]] - b[[p[2]]]) / sqrt(moments(as.matrix(d[y]), wt)$cov[1, 1])
}
without <- function(d, f, unit) {  # leave one unit out at a time
  each <- sapply(unique(unit), function(u) f(d[unit != u, ]))
  if (!is.matrix(each)) each <- t(each)
  g <- ncol(each)
  sqrt((g - 1) / g * rowSums((each - rowMeans(each))^2))
}
for (y in c("advocacy", "search")) {
  for (case in c("plain", "weights", "cluster")) {
    f <- function(part) contrasts_of(part, if (case == "weights") part$w else rep(1, nrow(part)), y)
    error <- without(d, f, if (case == "cluster") d$team else d$id)
    keep(case, y, sapply(pairs, paste, collapse = " | "), f(d), error)
  }
  keep("shares", y, levels(d$type), as.numeric(table(d$type) / n))
  means <- tapply(d[[y]], d$type, mean)
  keep("means", y, names(means), means, tapply(d[[y]], d$type, sd) / sqrt(table(d$type)))
}

# Simple slopes: the product's own equation, centred where the slope is wanted; HC3.
hc3 <- function(fit) {
  x <- model.matrix(fit); h <- hatvalues(fit); bread <- solve(crossprod(x))
  bread %*% crossprod(x * (residuals(fit) / (1 - h))) %*% bread
}
for (at in c(-1, 0, 1)) {
  d$given <- d$patronage - mean(d$patronage) - at * sd(d$patronage)
  fit <- lm(advocacy ~ attitude * given + age, d)
  keep("simple_slope", "advocacy", paste0("attitude.", c("low", "mean", "high")[at + 2]), coef(fit)[["attitude"]],
       sqrt(hc3(fit)["attitude", "attitude"]))
}

# The product freed of error: alpha for scores of several items, .8 declared for search.
alpha <- function(x, w) { s <- moments(as.matrix(x), w)$cov; k <- ncol(s); k / (k - 1) * (1 - sum(diag(s)) / sum(s)) }
items <- list(attitude = c("att1", "att2", "att3"), patronage = c("pat1", "pat2"), advocacy = c("adv1", "adv2"))
twin <- function(d, y, w = rep(1, nrow(d))) {
  w <- w / sum(w) * nrow(d)
  reliability <- sapply(items, function(own) alpha(d[own], w))
  reliability[["search"]] <- .8
  x <- d$attitude - weighted.mean(d$attitude, w)
  p <- d$patronage - weighted.mean(d$patronage, w)
  all <- cbind(x, p, age = d$age, xp = x * p, y = d[[y]])
  s <- moments(all, w)$cov
  v <- diag(s)
  error <- c(x = v[["x"]] * (1 - reliability[["attitude"]]), p = v[["p"]] * (1 - reliability[["patronage"]]), age = 0)
  error["xp"] <- (v[["x"]] - error[["x"]]) * error[["p"]] + (v[["p"]] - error[["p"]]) * error[["x"]] +
    error[["x"]] * error[["p"]]
  error["y"] <- v[["y"]] * (1 - reliability[[y]])
  s <- s - diag(error[colnames(s)])
  b <- solve(s[1:4, 1:4], s[1:4, 5])
  b[["xp"]] * sqrt(s["x", "x"] * s["p", "p"] / s["y", "y"])
}
for (y in c("advocacy", "search")) {
  keep("twin.plain", y, "attitude:patronage", twin(d, y), without(d, function(part) twin(part, y), d$id))
  keep("twin.weights", y, "attitude:patronage", twin(d, y, d$w), without(d, function(part) twin(part, y, part$w), d$id))
  keep("twin.cluster", y, "attitude:patronage", twin(d, y), without(d, function(part) twin(part, y), d$team))
}

# Ping's single indicator: loading 1 and error variance of the product in closed form, factors behind sums of items.
c0 <- d
c0$x <- d$attitude - mean(d$attitude); c0$p <- d$patronage - mean(d$patronage); c0$xp <- c0$x * c0$p
ve <- function(name, score) (1 - alpha(d[items[[name]]], rep(1, n))) * var(score)
ex <- ve("attitude", c0$x); ep <- ve("patronage", c0$p); ey <- ve("advocacy", d$advocacy)
exp_ <- (var(c0$x) - ex) * ep + (var(c0$p) - ep) * ex + ex * ep
model <- sprintf("X =~ 1*x\nP =~ 1*p\nXP =~ 1*xp\nY =~ 1*advocacy\nx ~~ %.12f*x\np ~~ %.12f*p\nxp ~~ %.12f*xp\n
  advocacy ~~ %.12f*advocacy\nY ~ X + P + bxp*XP + age\nX ~~ P + XP\nP ~~ XP\nX ~ age\nP ~ age\nXP ~ age\nY ~~ vy*Y",
  ex, ep, exp_, ey)
fit <- sem(model, c0, fixed.x = FALSE)
true <- lavInspect(fit, "cov.lv")
keep("ping", "advocacy", "attitude:patronage",
     coef(fit)[["bxp"]] * sqrt(true["X", "X"] * true["P", "P"] / true["Y", "Y"]))
made <- indProd(d, var1 = c("att1", "att2"), var2 = c("pat1", "pat2"), match = TRUE, doubleMC = TRUE)
model <- "X =~ att1 + att2 + att3\nP =~ pat1 + pat2\nXP =~ att1.pat1 + att2.pat2\nY =~ adv1 + adv2\nY ~ X + P + bxp*XP + age
  X ~ age\nP ~ age\nXP ~ age\nX ~~ P + XP\nP ~~ XP"
fit <- sem(model, made, fixed.x = FALSE)
true <- lavInspect(fit, "cov.lv")
keep("indprod", "advocacy", "attitude:patronage",
     coef(fit)[["bxp"]] * sqrt(true["X", "X"] * true["P", "P"] / true["Y", "Y"]))

# Mixtures: every class with its own covariance matrix; BIC = 2 log likelihood - parameters log n.
m <- scale(d[c("mix1", "mix2")])
# mclust starts from one hierarchical clustering, which with two classes leads to a lower maximum: more starts, the best kept.
tight <- emControl(tol = c(1e-12, 1e-10), itmax = c(1e4, 1e4))
for (g in 1:4) {
  fit <- Mclust(m, G = g, modelNames = "VVV", verbose = FALSE, control = tight)
  for (start in seq_len(if (g > 1) 60 else 0)) {
    rows_of <- if (start %% 2) kmeans(m, g)$cluster else apply(outer(m[, 1], m[sample(n, g), 1], "-")^2, 1, which.min)
    other <- me(m, "VVV", unmap(rows_of, groups = 1:g), control = tight)
    if (is.finite(other$loglik) && min(other$parameters$pro) > .03 && other$loglik > fit$loglik)
      fit <- list(loglik = other$loglik, bic = bic("VVV", other$loglik, n, 2, g))
  }
  keep("mixture", "bic", g, fit$bic)
  keep("mixture", "log_likelihood", g, fit$loglik)
}
best <- Mclust(m, G = 3, modelNames = "VVV", verbose = FALSE)
keep("mixture", "rand", 3, adjustedRandIndex(best$classification, d$type))

table <- do.call(rbind, rows)
for (name in c("value", "error")) table[[name]] <- formatC(table[[name]], digits = 15, format = "g")
table$error[trimws(table$error) == "NA"] <- ""
write.csv(table, file.path(folder, "types.csv"), row.names = FALSE, quote = FALSE)

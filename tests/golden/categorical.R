# Writes categorical.csv from survey.csv: logit and ordered logit with robust errors, and average
# changes whose errors count the terms as sampled. Run: Rscript categorical.R (about a minute)
options(warn = 2)
suppressPackageStartupMessages({
  library(MASS); library(sandwich)
})
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])
folder <- dirname(normalizePath(script))
d <- read.csv(file.path(folder, "survey.csv"), stringsAsFactors = TRUE)
n <- nrow(d)
d$stays <- as.numeric(d$y1 > 3)
d$answer <- pmin(5, pmax(1, round(d$y1)))  # whole numbers from 1 to 5
d$ordered <- factor(d$answer, ordered = TRUE)
stopifnot(table(d$stays) >= 40, table(d$ordered) >= 10)
x <- model.matrix(~ x1 + x2 + x3 + m + region, d)[, -1]
shown <- c("x1", "x2", "x3", "m")

# Every fit takes weights, so that average changes can be differentiated in the weight of each one.
logit <- function(w) {
  f <- glm.fit(cbind(1, x), d$stays, w, family = quasibinomial(), control = list(epsilon = 1e-15, maxit = 100))
  list(slopes = f$coefficients[-1], thresholds = -f$coefficients[1])
}
# Without a start polr asks glm for one, which warns of weights that are no counts.
first <- polr(ordered ~ x1 + x2 + x3 + m + region, d)
start <- c(first$coefficients, first$zeta)
ologit <- function(w) {
  d$w_ <- w
  f <- polr(ordered ~ x1 + x2 + x3 + m + region, d, weights = w_, start = start, control = list(reltol = 1e-15, maxit = 1000))
  list(slopes = f$coefficients, thresholds = f$zeta)
}
# Average change of the expected value of the answers, each counting 'points'.
changes <- function(f, w, points) {
  eta <- drop(x %*% f$slopes)
  slope <- sapply(f$thresholds, function(k) dlogis(k - eta)) %*% diff(points)
  f$slopes * sum(w * slope) / sum(w)
}
units <- list(plain = seq_len(n), store = d$store, team = d$team)
summed <- function(influence) sapply(units, function(unit) {
  g <- length(unique(unit))
  sqrt(colSums(rowsum(influence, unit)^2) * g / (g - 1))
})
rows <- list()
put <- function(model, quantity, estimate, errors) {
  numbers <- formatC(cbind(estimate, errors)[shown, ], digits = 12, format = "g", width = 1)
  colnames(numbers) <- c("estimate", names(units))
  rows[[length(rows) + 1]] <<- data.frame(model, quantity, term = shown, numbers)
}
by_weights <- function(model, fit, w, counted) {
  values <- function(w) { f <- fit(w); unlist(lapply(counted, function(points) changes(f, w, points)[shown])) }
  h <- .05
  influence <- t(sapply(seq_len(n), function(i) {
    up <- down <- w
    up[i] <- w[i] * (1 + h); down[i] <- w[i] * (1 - h)
    (values(up) - values(down)) / (2 * h)
  }))
  found <- values(w)
  errors <- summed(influence)
  for (k in seq_along(counted)) {
    part <- (k - 1) * length(shown) + seq_along(shown)
    estimate <- setNames(found[part], shown)
    put(model, names(counted)[k], estimate, matrix(errors[part, ], length(shown), dimnames = list(shown, NULL)))
  }
}
robust <- function(fit) sapply(units, function(unit)
  sqrt(diag(vcovCL(fit, cluster = unit, type = "HC0", cadjust = TRUE))))

for (weighted in c(FALSE, TRUE)) {
  w <- if (weighted) d$w * n / sum(d$w) else rep(1, n)
  d$own <- w
  suffix <- if (weighted) ".weighted" else ""

  fit <- glm(stays ~ x1 + x2 + x3 + m + region, quasibinomial(), d, weights = own, epsilon = 1e-15, maxit = 100)
  put(paste0("logit", suffix), "coefficient", coef(fit), robust(fit))
  by_weights(paste0("logit", suffix), logit, w, list(probability = c(0, 1)))

  fit <- polr(ordered ~ x1 + x2 + x3 + m + region, d, weights = own, start = start, Hess = TRUE, control = list(reltol = 1e-15, maxit = 1000))
  start <- c(fit$coefficients, fit$zeta)
  put(paste0("ordered logit", suffix), "coefficient", start, robust(fit))
  by_weights(paste0("ordered logit", suffix), ologit, w, list("scale points" = 1:5, "top box" = c(0, 0, 0, 0, 1)))
}
write.csv(do.call(rbind, rows), file.path(folder, "categorical.csv"), row.names = FALSE, quote = FALSE)

# Writes golden.csv from survey.csv: what established R packages say. Run: Rscript make_golden.R
# A block headed "own formula" has no package behind it; README.md says how it was checked.
options(warn = 2)  # a warning from any package stops the script
suppressPackageStartupMessages({
  library(sandwich); library(lmtest); library(car); library(clubSandwich); library(lavaan)
})
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])
folder <- dirname(normalizePath(script))
d <- read.csv(file.path(folder, "survey.csv"), stringsAsFactors = TRUE)
n <- nrow(d)

# one result a row; R's "regionsouth" becomes "region[south]"
rows <- list()
put <- function(model, covariance, quantity, values, terms = names(values)) {
  terms <- sub("^(region|sector)(south|west|services)$", "\\1[\\2]", terms)
  rows[[length(rows) + 1]] <<- data.frame(model, covariance, term = terms, quantity,
                                          value = as.numeric(values))
}
put_test <- function(model, covariance, table) {
  for (q in names(table)) put(model, covariance, q, table[[q]], rownames(table))
}

# ---- a, b, c: least squares, unweighted and weighted --------------------------------------------
robust <- function(name, fit, types) for (type in types)
  put(name, type, "std_error", sqrt(diag(vcovHC(fit, type = type))))

hc3_test <- function(name, fit) {
  v <- vcovHC(fit, type = "HC3")
  t <- coeftest(fit, vcov. = v, df = fit$df.residual)
  ci <- coefci(fit, vcov. = v, df = fit$df.residual)
  put_test(name, "HC3", data.frame(statistic = t[, 3], p_value = t[, 4], conf_low = ci[, 1],
                                   conf_high = ci[, 2], row.names = rownames(t)))
}

# 'terms' picks and 'sign' flips the coefficients a contrast is about
satterthwaite <- function(name, covariance, fit, cluster, ..., terms = names(coef(fit)), sign = 1,
                          labels = terms) {
  v <- vcovCR(fit, cluster = cluster, type = "CR2", ...)
  t <- coef_test(fit, vcov = v, test = "Satterthwaite")[terms, ]
  half <- qt(.975, t$df_Satt) * t$SE
  put_test(name, covariance, data.frame(
    std_error = t$SE, df = t$df_Satt, statistic = sign * t$tstat, p_value = t$p_Satt,
    conf_low = sign * t$beta - half, conf_high = sign * t$beta + half, row.names = labels))
}

clustered <- function(name, fit) for (unit in c("store", "team")) {
  g <- d[[unit]]
  put(name, paste0("CR0.", unit), "std_error",
      sqrt(diag(vcovCL(fit, cluster = g, type = "HC0", cadjust = FALSE))))
  put(name, paste0("CR1.", unit), "std_error",
      sqrt(diag(vcovCL(fit, cluster = g, type = "HC1", cadjust = TRUE))))
  satterthwaite(name, paste0("CR2.", unit), fit, g)
}

least_squares <- function(name, fit) {
  s <- summary(fit)
  put(name, "classical", "estimate", coef(fit))
  put(name, "classical", "std_error", s$coefficients[, 2])
  robust(name, fit, c("HC0", "HC1", "HC2", "HC3", if (is.null(weights(fit))) "HC4"))
  hc3_test(name, fit)
  clustered(name, fit)
  put(name, "classical", c("n", "df_residual", "r2", "r2_adjusted", "sigma"),
      c(nobs(fit), fit$df.residual, s$r.squared, s$adj.r.squared, s$sigma), "")
}

checks <- function(name, fit) {
  X <- model.matrix(fit)[, -1]
  put(name, "", "vif", sapply(colnames(X), function(column)
    1 / (1 - summary(lm(X[, column] ~ X[, colnames(X) != column]))$r.squared)))
  g <- car::vif(fit)
  put(name, "car", "gvif", g[, "GVIF"], rownames(g))
  put(name, "car", "gvif_df", g[, "Df"], rownames(g))
  bp <- bptest(fit)
  put(name, "breusch_pagan", c("statistic", "df", "p_value"),
      c(bp$statistic, bp$parameter, bp$p.value), "")
  reset <- resettest(fit, power = 2:3, type = "fitted")
  put(name, "reset", c("statistic", "df", "df_residual", "p_value"),
      c(reset$statistic, reset$parameter, reset$p.value), "")
  put(name, "", "largest_cook", max(cooks.distance(fit)), "")
}

for (y in c("y1", "y2")) {
  formula <- reformulate(c("x1", "x2", "x3", "m", "region"), y)
  fit <- lm(formula, d)
  least_squares(y, fit)
  checks(y, fit)

  name <- paste0(y, ".weighted")
  fit <- lm(formula, d, weights = w)
  least_squares(name, fit)
  for (unit in c("store", "team")) {
    default <- vcovCR(fit, cluster = d[[unit]], type = "CR2")
    identity <- vcovCR(fit, cluster = d[[unit]], type = "CR2", inverse_var = FALSE)
    stopifnot(identical(as.matrix(default), as.matrix(identity)))
    satterthwaite(name, paste0("CR2.", unit, ".inverse_weight"), fit, d[[unit]],
                  target = 1 / d$w, inverse_var = TRUE)
  }
}

# ---- own formula: errors of any function of weighted moments ------------------------------------
# theta(w) is differentiated in every respondent's weight by a complex step (exact to rounding);
# w_i dtheta/dw_i are the influence values, summed within clusters when there are any.
mean_of <- function(w, x) sum(w * x) / sum(w)
sd_of <- function(w, x) sqrt(mean_of(w, (x - mean_of(w, x))^2) * n / (n - 1))
z_of <- function(w, x) (x - mean_of(w, x)) / sd_of(w, x)
slopes <- function(w, X, y) drop(solve(t(X) %*% (w * X), t(X) %*% (w * y)))

influence_errors <- function(name, theta, w = rep(1, n)) {
  h <- 1e-30
  values <- t(vapply(seq_len(n), function(i) {
    w[i] <- w[i] + 1i * h
    Im(theta(w)) / h
  }, theta(w))) * w
  put(name, "influence", "estimate", theta(w))
  put(name, "influence", "std_error", sqrt(colSums(values^2)))
  for (unit in c("store", "team"))
    put(name, paste0("influence.", unit), "std_error", sqrt(colSums(rowsum(values, d[[unit]])^2)))
}

# ---- d: standardized slopes whose errors let the SDs vary ---------------------------------------
drivers <- c("x1", "x2", "x3", "m")
standardized <- function(w, data = d, x = drivers, X = cbind(1, as.matrix(data[x]))) {
  b <- slopes(w, X, data$y1)[-1]
  setNames(b * apply(X[, -1, drop = FALSE], 2, function(column) sd_of(w, column)) /
             sd_of(w, data$y1), x)
}
d$south <- as.numeric(d$region == "south")
d$west <- as.numeric(d$region == "west")
# z-scored first and by Gauss-Newton: neither changes the answer, both get it to full precision
lavaan_slopes <- function(name, covariance, x = drivers, ...) {
  data <- d
  data[c(x, "y1")] <- scale(data[c(x, "y1")])
  fit <- sem(paste("y1 ~", paste(x, collapse = " + ")), data, fixed.x = FALSE,
             meanstructure = TRUE, baseline = FALSE, optim.method = "GN", ...)
  # south and west are z-scored here, so only the drivers' rows are comparable with ours
  s <- subset(standardizedSolution(fit), op == "~" & rhs %in% drivers)
  put(name, covariance, "estimate", s$est.std, s$rhs)
  put(name, covariance, "std_error", s$se, s$rhs)
}
name <- "y1.standardized"
lavaan_slopes(name, "lavaan.ML.expected", information = "expected")
lavaan_slopes(name, "lavaan.MLR", estimator = "MLR")
lavaan_slopes(name, "lavaan.MLR.team", estimator = "MLR", cluster = "team")
influence_errors(name, standardized)

name <- "y1.standardized.weighted"
lavaan_slopes(name, "lavaan.MLR", estimator = "MLR", sampling.weights = "w")
influence_errors(name, standardized, d$w)

# with region in the equation: its categories are not scaled, only y is
with_region <- function(w) {
  X <- model.matrix(~ x1 + x2 + x3 + m + region, d)
  b <- slopes(w, X, d$y1)
  scale <- sapply(colnames(X), function(term) if (term %in% drivers) sd_of(w, X[, term]) else 1)
  (b * scale / sd_of(w, d$y1))[-1]
}
# x squared is x for a dummy, so the matrix lavaan checks is singular, harmlessly
with_dummies <- c(drivers, "south", "west")
lavaan_slopes("y1.standardized.region", "lavaan.MLR", with_dummies, estimator = "MLR",
              check.vcov = FALSE)
lavaan_slopes("y1.standardized.region.weighted", "lavaan.MLR", with_dummies, estimator = "MLR",
              sampling.weights = "w", check.vcov = FALSE)
influence_errors("y1.standardized.region", with_region)
influence_errors("y1.standardized.region.weighted", with_region, d$w)

# ---- e: slopes that differ between goods and services, as goods - services ----------------------
moderated <- lm(y1 ~ sector * (x1 + x2 + x3 + region), d)
within <- function(sector) coef(lm(y1 ~ x1 + x2 + x3 + region, d[d$sector == sector, ]))[-1]
terms <- names(within("goods"))
inner <- paste0("sectorservices:", terms)
scale <- sapply(terms, function(term) if (term %in% drivers) sd(d[[term]]) else 1) / sd(d$y1)
gap <- -coef(moderated)[inner]
hc3 <- sqrt(diag(vcovHC(moderated, "HC3")))[inner]
put("y1.sector", "goods", "estimate", within("goods"))
put("y1.sector", "services", "estimate", within("services"))
put("y1.sector", "HC3", "estimate", gap, terms)
put("y1.sector", "HC3", "std_error", hc3, terms)
put("y1.sector", "HC3", "df", rep(moderated$df.residual, length(terms)), terms)
put("y1.sector", "HC3", "p_value",
    2 * pt(-abs(gap / hc3), moderated$df.residual), terms)
for (unit in c("store", "team"))
  satterthwaite("y1.sector", paste0("CR2.", unit), moderated, d[[unit]],
                terms = inner, sign = -1, labels = terms)
put("y1.sector.standardized", "HC3.fixed_sd", "estimate", gap * scale, terms)
put("y1.sector.standardized", "HC3.fixed_sd", "std_error", hc3 * scale, terms)

sector_gap <- function(w) {
  X <- model.matrix(moderated)
  b <- slopes(w, X, d$y1)
  scale <- sapply(terms, function(term) if (term %in% drivers) sd_of(w, d[[term]]) else 1)
  setNames(-b[match(inner, colnames(X))] * scale / sd_of(w, d$y1), terms)
}
influence_errors("y1.sector.standardized", sector_gap)
influence_errors("y1.sector.standardized.weighted", sector_gap, d$w)

# ---- f: product of z-scores ---------------------------------------------------------------------
z <- setNames(as.data.frame(scale(d[c("x1", "x2", "x3")])), c("z1", "z2", "z3"))
zd <- cbind(d, z)
product <- lm(y1 ~ z1 * z2 + z3, zd)
z_terms <- c(z1 = "x1", z2 = "x2", z3 = "x3", "z1:z2" = "x1:x2")
put("y1.interaction", "HC3.fixed_sd", "estimate", coef(product)[names(z_terms)] / sd(d$y1), z_terms)
put("y1.interaction", "HC3.fixed_sd", "std_error",
    sqrt(diag(vcovHC(product, "HC3")))[names(z_terms)] / sd(d$y1), z_terms)
for (unit in c("store", "team")) {
  t <- coef_test(product, vcov = "CR2", cluster = d[[unit]], test = "Satterthwaite")
  t <- t[names(z_terms), ]
  put("y1.interaction", paste0("CR2.", unit, ".fixed_sd"), "std_error", t$SE / sd(d$y1), z_terms)
  put("y1.interaction", paste0("CR2.", unit, ".fixed_sd"), "df", t$df_Satt, z_terms)
}
interaction_slopes <- function(w) {
  z1 <- z_of(w, d$x1)
  z2 <- z_of(w, d$x2)
  b <- slopes(w, cbind(1, z1, z2, z_of(w, d$x3), z1 * z2), d$y1)[-1]
  setNames(b / sd_of(w, d$y1), z_terms)
}
influence_errors("y1.interaction", interaction_slopes)
influence_errors("y1.interaction.weighted", interaction_slopes, d$w)

# ---- g: own formula: jackknife that leaves out one cluster at a time ----------------------------
jackknife <- function(name, unit, w, theta) {
  whole <- theta(d, w)
  clusters <- levels(d[[unit]])
  G <- length(clusters)
  left_out <- sapply(clusters, function(g) theta(d[d[[unit]] != g, ], w[d[[unit]] != g]))
  centre <- rowMeans(left_out)
  error <- sqrt((G - 1) / G * rowSums((left_out - centre)^2))
  half <- qt(.975, G - 1) * error
  covariance <- paste0("jackknife.", unit)
  put_test(name, covariance, data.frame(
    estimate = whole, jackknife_mean = centre, std_error = error, df = G - 1,
    conf_low = whole - half, conf_high = whole + half, row.names = names(whole)))
}
by_lm <- function(data, w) {
  data$w <- w
  fit <- lm(y1 ~ x1 + x2 + x3 + m, data, weights = w)
  sds <- sqrt(diag(cov.wt(data[c(drivers, "y1")], wt = w)$cov))
  coef(fit)[-1] * sds[drivers] / sds[["y1"]]
}
for (unit in c("store", "team")) {
  jackknife("y1.standardized", unit, rep(1, n), by_lm)
  jackknife("y1.standardized.weighted", unit, d$w, by_lm)
}

# ---- h: Holm ------------------------------------------------------------------------------------
holm <- list(plain = c(.01, .04, .03, .005), ties = c(.02, .02, .02, .5), ones = c(1, 1, .2),
             capped = c(.4, .6, .7, .9), single = .037, zero = c(0, 1e-12, .05, 1),
             monotone = c(.01, .011, .012, .013, .04, .2))
for (case in names(holm)) {
  p <- holm[[case]]
  put(paste0("holm.", case), "", "p_value", p, seq_along(p))
  put(paste0("holm.", case), "", "p_holm", p.adjust(p, method = "holm"), seq_along(p))
}

# ---- i: moments ---------------------------------------------------------------------------------
columns <- c("x1", "x2", "x3", "m", "y1")
pairs <- combn(columns, 2)
put_moments <- function(covariance, centre, v) {
  put("moments", covariance, "mean", centre[columns])
  put("moments", covariance, "sd", sqrt(diag(v)))
  put("moments", covariance, "covariance", v[t(pairs)], paste(pairs[1, ], pairs[2, ], sep = "~~"))
  put("moments", covariance, "correlation", cov2cor(v)[t(pairs)],
      paste(pairs[1, ], pairs[2, ], sep = "~~"))
}
put_moments("unweighted", colMeans(d[columns]), cov(d[columns]))
for (method in c("ML", "unbiased")) {
  c1 <- cov.wt(d[columns], wt = d$w, method = method)
  put_moments(paste0("weighted.", method), c1$center, c1$cov)
}
put("moments", "weighted", c("sum_weights", "sum_squared_weights", "kish_n"),
    c(sum(d$w), sum(d$w^2), sum(d$w)^2 / sum(d$w^2)), "")

golden <- do.call(rbind, rows)
stopifnot(!anyNA(golden$value), !anyDuplicated(golden[1:4]))
golden$value <- sprintf("%.17g", golden$value)
write.csv(golden, file.path(folder, "golden.csv"), row.names = FALSE, quote = FALSE, eol = "\n")

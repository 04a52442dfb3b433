# Writes regions.csv from survey.csv: slopes along a moderator, where they can be told from zero, the arms of a made-up
# experiment. Plain lm, HC3 and the quadratic of Johnson & Neyman (1936) written out; the adjusted critical value as
# interactions::johnson_neyman(control.fdr = TRUE) finds it (Esarey & Sumner 2018). Run: Rscript tests/golden/regions.R
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])
folder <- dirname(normalizePath(script))
d <- read.csv(file.path(folder, "survey.csv"), stringsAsFactors = TRUE)
rows <- list()
put <- function(block, case, quantity, value)
  rows[[length(rows) + 1]] <<- data.frame(block, case, quantity, value = as.numeric(value))
hc3 <- function(fit) {
  w <- if (is.null(weights(fit))) rep(1, nobs(fit)) else weights(fit)
  x <- model.matrix(fit)
  bread <- solve(crossprod(x * sqrt(w)))
  bread %*% crossprod(x * (w * residuals(fit) / (1 - hatvalues(fit)))) %*% bread
}

# ---- regions ------------------------------------------------------------------------------------
for (y in c("y1", "m")) for (pair in list(c("x1", "x3"), c("x3", "x1"), c("x2", "x3"))) for (weighted in c(FALSE, TRUE)) {
  others <- setdiff(c("x1", "x2", "x3"), pair)
  formula <- as.formula(paste(y, "~", pair[1], "*", pair[2], "+", paste(others, collapse = "+"), "+ region"))
  fit <- if (weighted) lm(formula, d, weights = w) else lm(formula, d)
  names <- c(pair[1], grep(":", names(coef(fit)), value = TRUE))
  b <- coef(fit)[names]; v <- hc3(fit)[names, names]; df <- fit$df.residual
  block <- paste(y, pair[1], pair[2], sep = "."); case <- if (weighted) "weighted" else "plain"
  z <- sort(d[[pair[2]]]); span <- c(z[10], z[length(z) - 9])
  error <- function(at) sqrt(v[1, 1] + 2 * at * v[1, 2] + at^2 * v[2, 2])
  slope <- function(at) b[[1]] + b[[2]] * at
  weight <- if (weighted) d$w / sum(d$w) * nrow(d) else rep(1, nrow(d))
  mean <- weighted.mean(d[[pair[2]]], weight)
  sd <- sqrt(sum(weight * (d[[pair[2]]] - mean)^2) / (nrow(d) - 1))
  for (at in c("low", "mean", "high")) {
    value <- mean + sd * c(low = -1, mean = 0, high = 1)[[at]]
    put(block, case, paste0(at, c(".slope", ".std_error")), c(slope(value), error(value)))
  }
  grid <- seq(span[1], span[2], length.out = 1001)
  p <- sort(2 * pt(-abs(slope(grid) / error(grid)), df))
  i <- max(c(1, which(p <= .05 * seq_along(p) / length(p))))
  for (rule in c("plain", "adjusted")) {
    t <- qt(1 - c(plain = .025, adjusted = .025 * i / length(p))[[rule]], df)
    a <- b[[2]]^2 - t^2 * v[2, 2]; h <- 2 * (b[[1]] * b[[2]] - t^2 * v[1, 2]); c0 <- b[[1]]^2 - t^2 * v[1, 1]
    put(block, case, paste0(rule, ".critical"), t)
    if (h^2 >= 4 * a * c0) {
      roots <- sort((-h + c(-1, 1) * sqrt(h^2 - 4 * a * c0)) / (2 * a))
      roots <- roots[roots > span[1] & roots < span[2]]
      if (length(roots)) put(block, case, paste0(rule, ".end", seq_along(roots)), roots)
    }
  }
}

# ---- captive customers: x1 as forced commitment, sector as what is shown -----------------------------
fit <- lm(y1 ~ x1 * sector + x2 + x3, d)
at <- mean(d$x1) + c(low = -1, mean = 0, high = 1) * sd(d$x1)
others <- c(x2 = mean(d$x2), x3 = mean(d$x3))
predicted <- function(x1, sector)
  predict(fit, data.frame(x1, sector, x2 = others[["x2"]], x3 = others[["x3"]]))
put("captive", "slope", "not shown", coef(fit)[["x1"]])
put("captive", "slope", "shown", coef(fit)[["x1"]] + coef(fit)[["x1:sectorservices"]])
for (k in names(at)) put("captive", "difference", k, predicted(at[[k]], "services") - predicted(at[[k]], "goods"))
put("captive", "mean", "shown", predicted(at[["high"]], "services"))
put("captive", "mean", "not shown", predicted(at[["high"]], "goods"))

# ---- the arms of an experiment: sector as treatment ------------------------------------------------
d$treated <- as.numeric(d$sector == "services")
for (x in c("x1", "x2", "x3")) {
  parts <- split(d[[x]], d$treated)
  put("balance", x, "difference", diff(sapply(parts, mean)) / sqrt(mean(sapply(parts, var))))
}
fit <- lm(treated ~ x1 + x2 + x3, d)
f <- drop(coef(fit)[-1] %*% solve(hc3(fit)[-1, -1], coef(fit)[-1])) / 3
put("balance", "omnibus", "statistic", f)
put("balance", "omnibus", "p_value", pf(f, 3, fit$df.residual, lower.tail = FALSE))

table <- do.call(rbind, rows)
table$value <- formatC(table$value, digits = 15, format = "g")
write.csv(table, file.path(folder, "regions.csv"), row.names = FALSE, quote = FALSE)

# Writes levels.csv from survey.csv: what R says about levels of satisfaction and splines.
# Run: Rscript tests/golden/levels.R
# A block headed "own formula" has no package behind it; README.md says how it was checked.
options(warn = 2)  # a warning from any package stops the script
suppressPackageStartupMessages({ library(emmeans); library(Hmisc) })
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])
folder <- dirname(normalizePath(script))
d <- read.csv(file.path(folder, "survey.csv"), stringsAsFactors = TRUE)

rows <- list()
put <- function(case, term, quantity, value) {
  rows[[length(rows) + 1]] <<- data.frame(case, term, quantity, value = as.numeric(value))
}

names <- c("below", "meets", "exceeds", "delights", "amazes")
d$level <- cut(d$m, c(-Inf, quantile(d$m, c(0.15, 0.45, 0.7, 0.9)), Inf), names, right = FALSE)
put("cuts", names[-1], "cut", quantile(d$m, c(0.15, 0.45, 0.7, 0.9)))

# Contrasts: steps between neighbours, the pooled side weighted by the shares of its levels.
coefficients <- function(p) {
  top <- p[3:5] / sum(p[3:5])
  rbind(meets = c(-1, 1, 0, 0, 0), exceeds = c(0, -1, 1, 0, 0), delights = c(0, 0, -1, 1, 0),
        amazes = c(0, 0, 0, -1, 1), acceleration = c(0, 1, -2, 1, 0),
        halves = c(0.5, 0, -1, 0, 0.5), pooled = c(0, -1, top),
        penalty = c(-1, 2, -1, 0, 0))
}
sd_of <- function(y, w) {  # weights scaled to n, divisor n - 1
  w <- w / sum(w) * length(w)
  sqrt(sum(w * (y - sum(w * y) / sum(w))^2) / (length(w) - 1))
}

# ---- emmeans: adjusted means and contrasts -------------------------------------------------------
for (weighted in c(FALSE, TRUE)) {
  w <- if (weighted) d$w else rep(1, nrow(d))
  d$v <- w
  case <- if (weighted) "weighted" else "plain"
  fit <- lm(y1 ~ level + x1 + region, d, weights = v)
  p <- tapply(w, d$level, sum) / sum(w)
  # Controls at their weighted means, regions in their weighted shares.
  share <- tapply(w, d$region, sum) / sum(w)
  grid <- ref_grid(fit, at = list(x1 = sum(w * d$x1) / sum(w)))
  means <- emmeans(grid, "level", weights = share)
  put(case, names, "mean", summary(means)$emmean)
  C <- coefficients(p)
  put(case, rownames(C), "estimate",
      summary(contrast(means, split(C, row(C))))$estimate / sd_of(d$y1, w))
}

# ---- own formula: influence of each respondent by the complex step, jackknife over stores --------
X <- model.matrix(y1 ~ level + x1 + region, d)
values <- function(w) {
  A <- t(X) %*% (w * X)
  b <- solve(A, t(X) %*% (w * d$y1))
  share <- sapply(names, function(k) sum(w[d$level == k])) / sum(w)
  centre <- colSums(w * X) / sum(w)
  mean <- c(0, b[2:5]) + sum(centre * b) - sum(centre[2:5] * b[2:5])
  n <- length(w)
  y <- sum(w * d$y1) / sum(w)
  sd <- sqrt(sum(w * (d$y1 - y)^2) / sum(w) * n / (n - 1))
  top <- share[3:5] / sum(share[3:5])
  C <- coefficients(rep(1, 5)) + 0i
  C["pooled", ] <- c(0, -1, top)
  c(mean, (C %*% mean) / sd)
}
labels <- c(paste("mean", names), rownames(coefficients(rep(1, 5))))
for (weighted in c(FALSE, TRUE)) {
  w <- if (weighted) d$w / mean(d$w) else rep(1, nrow(d))
  case <- if (weighted) "weighted" else "plain"
  slope <- sapply(seq_along(w), function(i) {
    moved <- w + 0i
    moved[i] <- moved[i] + 1e-20i
    Im(values(moved)) / 1e-20
  })
  put(case, labels, "influence", sqrt(rowSums(sweep(slope, 2, w, "*")^2)))
  left <- sapply(levels(d$store), function(s) {
    kept <- d$store != s
    part <- d[kept, ]; part$v <- v <- w[kept]
    fit <- lm(y1 ~ level + x1 + region, part, weights = v)
    b <- coef(fit); Xk <- model.matrix(fit)
    centre <- colSums(v * Xk) / sum(v)
    mean <- c(0, b[2:5]) + sum(centre * b) - sum(centre[2:5] * b[2:5])
    c(mean, coefficients(tapply(v, part$level, sum)) %*% mean / sd_of(part$y1, v))
  })
  G <- ncol(left)
  put(case, labels, "jackknife.store", sqrt((G - 1) / G * rowSums((left - rowMeans(left))^2)))
}

# ---- Hmisc: knots and terms of restricted cubic splines ------------------------------------------
for (k in c(4, 5)) {
  knots <- attr(rcspline.eval(d$m, nk = k), "knots")
  put(paste0("spline.", k), seq_along(knots), "knot", knots)
  terms <- rcspline.eval(d$m, knots = knots, inclx = TRUE)
  for (j in seq_len(ncol(terms))) put(paste0("spline.", k), j, "mean square", mean(terms[, j]^2))
  put(paste0("spline.", k), "", "r2", summary(lm(d$y1 ~ terms))$r.squared)
}

table <- do.call(rbind, rows)
table$value <- sprintf("%.17g", table$value)
write.csv(table, file.path(folder, "levels.csv"), row.names = FALSE, quote = FALSE)

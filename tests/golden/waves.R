# Writes waves.csv from survey.csv: changes of slopes between waves, by lm, sandwich and plain loops.
# Run: Rscript tests/golden/waves.R
# region stands for the wave (north, south, west: three of them), store and team for clusters whose
# members answer in several waves.
options(warn = 2)  # a warning from any package stops the script
suppressPackageStartupMessages(library(sandwich))
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])
folder <- dirname(normalizePath(script))
d <- read.csv(file.path(folder, "survey.csv"), stringsAsFactors = TRUE)
given <- d$w
d$w <- NULL  # lm would take a column of this name for the variable
rows <- list()
put <- function(case, versus, term, quantity, value) {
  rows[[length(rows) + 1]] <<-
    data.frame(case, versus, term, quantity, value = as.numeric(value))
}
terms <- c("x1", "x2", "x3")
contrasts_of <- list("south - north" = c(-1, 1, 0), "west - south" = c(0, -1, 1),
                     "west - north" = c(-1, 0, 1), "per wave" = c(-0.5, 0, 0.5))
sd_of <- function(v, w) sqrt(sum(w * (v - sum(w * v) / sum(w))^2) / sum(w))

# Changes of all slopes, a regression for each wave; by the SDs of everybody.
changes <- function(part, w) {
  y <- sd_of(part$y1, w)
  slopes <- sapply(levels(d$region), function(wave) {
    inside <- part$region == wave
    coef(lm(y1 ~ x1 + x2 + x3, part[inside, ], weights = w[inside]))[terms]
  })
  unit <- sapply(terms, function(x) sd_of(part[[x]], w) / y)
  sapply(contrasts_of, function(k) (slopes %*% k) * unit)
}
report <- function(case, quantity, values) {
  for (versus in names(contrasts_of)) for (k in seq_along(terms))
    put(case, versus, terms[k], quantity, values[k, versus])
}
for (case in c("plain", "weighted")) {
  w <- if (case == "weighted") given else rep(1, nrow(d))
  report(case, "estimate", changes(d, w))
  for (unit in c("store", "team")) {  # the jackknife over clusters, one left out at a time
    left <- sapply(levels(d[[unit]]), function(one) {
      out <- d[[unit]] != one
      changes(d[out, ], w[out])
    }, simplify = "array")
    g <- nlevels(d[[unit]])
    error <- apply(left, 1:2, function(v) sqrt((g - 1) / g * sum((v - mean(v))^2)))
    report(paste0(case, ".jackknife.", unit), "std_error", error)
  }
  # One regression with a block of columns for each wave; the SDs taken as known.
  fit <- lm(y1 ~ 0 + region + region:(x1 + x2 + x3), d, weights = w)
  v <- vcovHC(fit, type = "HC3")
  for (versus in names(contrasts_of)) for (x in terms) {
    place <- match(paste0("region", levels(d$region), ":", x), names(coef(fit)))
    k <- contrasts_of[[versus]] * sd_of(d[[x]], w) / sd_of(d$y1, w)
    put(paste0(case, ".HC3.fixed_sd"), versus, x, "std_error", sqrt(t(k) %*% v[place, place] %*% k))
  }
}

# ---- waves weighted to the shares that sector has in all of them ---------------------------------
whole <- prop.table(table(d$sector))
own <- prop.table(table(d$region, d$sector), 1)
share <- as.numeric(whole[d$sector]) / own[cbind(as.integer(d$region), as.integer(d$sector))]
report("reweighted", "estimate", changes(d, share))

# ---- who answered: a share by wave, tested with HC3 ------------------------------------------------
fit <- lm((sector == "services") ~ 0 + region, d)
k <- cbind(-1, diag(2))
b <- k %*% coef(fit)
v <- k %*% vcovHC(fit, type = "HC3") %*% t(k)
f <- as.numeric(t(b) %*% solve(v, b)) / 2
for (wave in levels(d$region)) put("composition", wave, "sector", "value", coef(fit)[paste0("region", wave)])
put("composition", "", "sector", "statistic", f)
put("composition", "", "sector", "p_value", pf(f, 2, fit$df.residual, lower.tail = FALSE))

table <- do.call(rbind, rows)
table$value <- sprintf("%.17g", table$value)
write.csv(table, file.path(folder, "waves.csv"), row.names = FALSE, quote = FALSE)

# Writes groups.csv from survey.csv: what R says about groups. Run: Rscript tests/golden/groups.R
# A block headed "own formula" has no package behind it; README.md says how it was checked.
options(warn = 2)  # a warning from any package stops the script
suppressPackageStartupMessages({
  library(sandwich); library(car); library(clubSandwich); library(metafor); library(lmerTest)
})
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])
folder <- dirname(normalizePath(script))
d <- read.csv(file.path(folder, "survey.csv"), stringsAsFactors = TRUE)

rows <- list()
put <- function(block, case, term, quantity, value) {
  rows[[length(rows) + 1]] <<- data.frame(block, case, term, quantity, value = as.numeric(value))
}

# ---- tests that slopes, or means, are the same in every level ----------------------------------
wald <- function(block, formula, picked) for (weighted in c(FALSE, TRUE)) {
  fit <- if (weighted) lm(formula, d, weights = w) else lm(formula, d)
  C <- picked(fit)
  tag <- if (weighted) ".weighted" else ""
  h <- linearHypothesis(fit, C, vcov. = vcovHC(fit, type = "HC3"))
  case <- paste0("HC3", tag)
  for (q in list(c("statistic", h$F[2]), c("df1", h$Df[2]), c("df2", fit$df.residual),
                 c("p_value", h$`Pr(>F)`[2]))) put(block, case, "", q[1], q[2])
  for (unit in c("store", "team")) {
    v <- vcovCR(fit, cluster = d[[unit]], type = "CR2")
    t <- Wald_test(fit, constraints = C, vcov = v, test = "HTZ")
    case <- paste0("CR2.", unit, tag)
    for (q in list(c("statistic", t$Fstat), c("df1", t$df_num), c("df2", t$df_denom),
                   c("p_value", t$p_val))) put(block, case, "", q[1], q[2])
    if (grepl("means", block)) {
      s <- coef_test(fit, vcov = v, test = "Satterthwaite")
      level <- sub("^(sector|region)", "", rownames(s))
      put(block, case, level, "std_error", s$SE)
      put(block, case, level, "df", s$df_Satt)
    }
  }
}
interactions <- function(fit) {
  names <- names(coef(fit))
  diag(length(names))[grepl(":x[123]$", names), , drop = FALSE]
}
differences <- function(fit) cbind(-1, diag(length(coef(fit)) - 1))
for (y in c("m", "y1", "y2")) {
  wald(paste0("slopes.sector.", y), as.formula(paste(y, "~ sector * (x1 + x2 + x3 + region)")),
       interactions)
  wald(paste0("slopes.region.", y), as.formula(paste(y, "~ region * (x1 + x2 + x3)")), interactions)
}
for (group in c("sector", "region"))
  wald(paste0("means.", group), as.formula(paste("y1 ~ 0 +", group)), differences)

# ---- partial pooling of one slope per store ------------------------------------------------------
pool <- function(block, formula) {
  slope <- sapply(split(d, d$store), function(part) {
    fit <- lm(formula, part)
    c(coef(fit)[[2]], vcovHC(fit, type = "HC3")[2, 2])
  })
  b <- slope[1, ]; v <- slope[2, ]
  put(block, "input", names(b), "estimate", b)
  put(block, "input", names(b), "variance", v)
  pm <- rma(b, v, method = "PM", control = list(tol = 1e-12))
  put(block, "metafor.PM", "", c("tau2", "average"), c(pm$tau2, coef(pm)))
  # own formula: metafor's estimates at a known tau, averaged over tau with a flat prior;
  # tau = s u / (1 - u) takes the half line to the unit interval
  s <- sqrt(median(v))
  density <- function(tau) {
    w <- 1 / (v + tau^2); m <- sum(w * b) / sum(w)
    exp((sum(log(w)) - log(sum(w)) - sum(w * (b - m)^2)) / 2)
  }
  over <- function(g) integrate(function(u) sapply(u, function(u) {
    tau <- s * u / (1 - u); g(tau) * density(tau) * s / (1 - u)^2
  }), 0, 1, rel.tol = 1e-10, subdivisions = 2000)$value
  average <- function(g) over(g) / over(function(tau) 1)
  at <- function(tau) rma(b, v, tau2 = tau^2)
  put(block, "flat.tau", "", "average", average(function(tau) coef(at(tau))))
  for (k in seq_along(b)) {  # the errors of blup count that the average is estimated
    mean <- average(function(tau) blup(at(tau))$pred[k])
    second <- average(function(tau) { u <- blup(at(tau)); u$se[k]^2 + u$pred[k]^2 })
    put(block, "flat.tau", names(b)[k], c("pooled", "std_error", "shrinkage"),
        c(mean, sqrt(second - mean^2), average(function(tau) v[k] / (v[k] + tau^2))))
  }
}
pool("pooling.x1", y1 ~ x1)
pool("pooling.x3", y2 ~ x3)

# ---- mixed models: independent random slopes by store --------------------------------------------
for (x in c("x1", "x2", "x3", "y1", "y2")) d[[paste0("z_", x)]] <- as.numeric(scale(d[[x]]))
tight <- lmerControl(optimizer = "bobyqa", check.conv.singular = "ignore",
                     optCtrl = list(maxfun = 1e6, rhoend = 1e-10))
for (y in c("y1", "y2")) {
  fit <- lmer(as.formula(paste0("z_", y, " ~ z_x1 + z_x2 + z_x3 + (1 + z_x1 + z_x2 + z_x3 || store)")),
              d, REML = TRUE, control = tight)
  case <- paste0("mixed.", y)
  s <- summary(fit)$coefficients
  term <- sub("z_", "", rownames(s))
  put(case, "REML", term, "estimate", s[, "Estimate"])
  put(case, "REML", term, "std_error", s[, "Std. Error"])
  put(case, "REML", term, "df", s[, "df"])
  sd <- as.data.frame(VarCorr(fit))
  put(case, "REML", ifelse(sd$grp == "Residual", "Residual", sub("z_", "", sd$var1)), "sd", sd$sdcor)
  put(case, "REML", "", "log_likelihood", logLik(fit))
}

table <- do.call(rbind, rows)
table$value <- sprintf("%.17g", table$value)
write.csv(table, file.path(folder, "groups.csv"), row.names = FALSE, quote = FALSE)

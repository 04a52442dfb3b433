# Writes survey.csv, 420 SIMULATED respondents (nobody's answers), and golden.csv: what lavaan says
# about them with weights, clusters, groups and missing answers. Run: Rscript make_sem.R
suppressPackageStartupMessages(library(lavaan))
RNGversion("4.0.0")
set.seed(20240711)
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])
folder <- dirname(normalizePath(script))

n <- 420
team <- sort(sample(45, n, replace = TRUE, prob = rep(c(1, 2, 3), 15)))
sector <- ifelse(team <= 20, "goods", "services")
x <- round(rnorm(n, 40, 12))
z <- (x - 40) / 12
A <- .3 * z + .4 * rnorm(45)[team] + rnorm(n)
B <- .6 * A + .4 * rnorm(45)[team] + .8 * rexp(n) - .8
C <- .3 * A + .4 * B + .7 * rnorm(n)
item <- function(f, load, shift = 0) {
  pmin(7, pmax(1, round(4 + shift + load * f + .7 * rt(n, 6))))
}
services <- sector == "services"
d <- data.frame(
  id = seq_len(n), team = sprintf("t%02d", team), sector, w = round(pmin(3, pmax(.3, exp(.4 * rnorm(n) + .1 * A))), 3), x,
  a1 = item(A, 1), a2 = item(A, .8), a3 = item(A, ifelse(services, 1.2, .7)),
  b1 = item(B, 1), b2 = item(B, .9, .4 * services), b3 = item(B, .7),
  c1 = item(C, 1), c2 = item(C, .9), c3 = item(C, .8))
for (v in c("a2", "b2", "b3", "c1", "c3")) d[[v]][runif(n) < .06 + .05 * (d$a1 > 5)] <- NA
write.csv(d, file.path(folder, "survey.csv"), row.names = FALSE, na = "", quote = FALSE)
d <- read.csv(file.path(folder, "survey.csv"))

measured <- "A =~ a1 + a2 + a3\nB =~ b1 + b2 + b3\nC =~ c1 + c2 + c3"
paths <- paste0(measured, "\nB ~ p*A\nC ~ q*B + r*A\nind := p*q\ntotal := r + p*q")
single <- "A =~ a1 + a2 + a3\nB =~ b1 + b2 + b3\nS =~ c1\nc1 ~~ 0.5*c1\nB ~ p*A\nS ~ q*B + A\nind := p*q"
grouped <- "A =~ a1 + a2 + a3\nB =~ b1 + b2 + b3\nB ~ c(p1, p2)*A\ndiff := p1 - p2"
second <- paste0(measured, "\nG =~ A + B + C")
covariate <- "A =~ a1 + a2 + a3\nB =~ b1 + b2 + b3\nB ~ A + x\nA ~ x"
both <- c("loadings", "intercepts")
specs <- list(
  ml = list(paths), weights = list(paths, sampling.weights = "w"),
  cluster = list(paths, cluster = "team"),
  cluster_weights = list(paths, cluster = "team", sampling.weights = "w"),
  groups_mlr = list(grouped, group = "sector", estimator = "MLR"),
  groups_cluster_weights = list(grouped, group = "sector", cluster = "team", sampling.weights = "w"),
  groups_fiml = list(grouped, group = "sector", missing = "fiml"),
  fiml = list(paths, missing = "fiml"), fiml_mlr = list(paths, missing = "fiml", estimator = "MLR"),
  fiml_cluster = list(paths, missing = "fiml", cluster = "team"),
  fiml_weights = list(paths, missing = "fiml", sampling.weights = "w"),
  single_item = list(single), second_order = list(second), second_order_std = list(second, std.lv = TRUE),
  covariate = list(covariate), covariate_mlr = list(covariate, estimator = "MLR"),
  covariate_random = list(covariate, fixed.x = FALSE),
  covariate_cluster = list(covariate, cluster = "team"),
  metric_std = list(measured, group = "sector", group.equal = "loadings", std.lv = TRUE),
  scalar = list(measured, group = "sector", group.equal = both),
  partial_metric = list(measured, group = "sector", group.equal = "loadings", group.partial = "A=~a3"),
  step_configural = list(measured, group = "sector", estimator = "MLR"),
  step_metric = list(measured, group = "sector", estimator = "MLR", group.equal = "loadings"),
  step_scalar = list(measured, group = "sector", estimator = "MLR", group.equal = both),
  step_strict = list(measured, group = "sector", estimator = "MLR", group.equal = c(both, "residuals")))
wanted <- c("npar", "chisq", "df", "pvalue", "baseline.chisq", "baseline.df", "cfi", "tli", "logl", "unrestricted.logl", "aic",
  "bic", "rmsea", "rmsea.ci.lower", "rmsea.ci.upper", "rmsea.pvalue", "srmr", "ntotal", "chisq.scaled", "chisq.scaling.factor",
  "baseline.chisq.scaled", "cfi.scaled", "tli.scaled", "rmsea.scaled", "cfi.robust", "tli.robust", "rmsea.robust",
  "rmsea.ci.lower.robust", "rmsea.ci.upper.robust")
rows <- function(name, term, quantity, value) {
  data.frame(analysis = name, term, quantity, value = sprintf("%.15g", value))
}
fits <- list(); out <- list()
for (name in names(specs)) {
  f <- fits[[name]] <- suppressWarnings(do.call("sem", c(list(specs[[name]][[1]], data = d), specs[[name]][-1])))
  m <- fitMeasures(f); m <- m[intersect(names(m), wanted)]
  if (grepl("fiml", name)) m <- m[!grepl("robust", names(m))]   # FIML-corrected indices: not offered
  p <- as.data.frame(parameterEstimates(f)); s <- as.data.frame(standardizedSolution(f))
  g <- if (is.null(p$group)) 1 else p$group
  term <- paste(p$lhs, p$op, ifelse(p$op == ":=", "", p$rhs), ifelse(p$op == ":=", "", g))
  out[[name]] <- rbind(rows(name, "", names(m), m), rows(name, term, "est", p$est), rows(name, term, "se", p$se),
    rows(name, term, "std", s$est.std), rows(name, term, "std_se", s$se))
}
steps <- paste0("step_", c("configural", "metric", "scalar", "strict"))
t <- lavTestLRT(fits[[steps[1]]], fits[[steps[2]]], fits[[steps[3]]], fits[[steps[4]]])
for (k in 2:4) out[[paste0("lrt", k)]] <- rows(steps[k], "", c("diff.chisq", "diff.df", "diff.pvalue"),
  c(t$`Chisq diff`[k], t$`Df diff`[k], t$`Pr(>Chisq)`[k]))
write.csv(do.call(rbind, out), file.path(folder, "golden.csv"), row.names = FALSE, quote = FALSE)

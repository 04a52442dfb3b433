# Writes twins_survey.csv, 360 SIMULATED respondents (nobody's answers), and twins.csv: the slopes
# among constructs free of measurement error that lavaan finds in them, and in the published moments
# of mobile_customers. Run: Rscript twins.R
suppressPackageStartupMessages(library(lavaan))
RNGversion("4.0.0")
set.seed(20241104)
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])
folder <- dirname(normalizePath(script))

n <- 360
team <- sort(c(seq_len(60), sample(60, n - 60, replace = TRUE)))
region <- sample(c("north", "south", "west"), n, replace = TRUE, prob = c(.5, .3, .2))
age <- round(rnorm(n, 45, 13))
z <- (age - 45) / 13
image <- .3 * z + .5 * rnorm(60)[team] + rnorm(n)
value <- .6 * image + .4 * (region == "south") + .7 * rexp(n) - .7
satisfaction <- .5 * image + .4 * value - .2 * z + .3 * rnorm(60)[team] + .7 * rnorm(n)
loyalty <- .4 * satisfaction + .3 * value + .3 * (region == "west") + .4 * rnorm(60)[team] + .8 * rnorm(n)
item <- function(f, load) pmin(7, pmax(1, round(4 + load * f + .7 * rt(n, 6))))
d <- data.frame(
  id = seq_len(n), team = sprintf("t%02d", team), w = round(pmin(3, pmax(.3, exp(.4 * rnorm(n) + .15 * image))), 3),
  age, region, i1 = item(image, 1), i2 = item(image, .8), i3 = item(image, .9),
  v1 = item(value, 1), v2 = item(value, .9), v3 = item(value, .7), s1 = item(satisfaction, 1),
  l1 = item(loyalty, 1), l2 = item(loyalty, .8))
write.csv(d, file.path(folder, "twins_survey.csv"), row.names = FALSE, quote = FALSE)
d <- read.csv(file.path(folder, "twins_survey.csv"))
d$age <- as.numeric(scale(d$age))  # changes no standardized slope; lavaan works better on units alike
d$south <- as.numeric(d$region == "south")
d$west <- as.numeric(d$region == "west")
holes <- d  # the FIML case: who skipped what follows from what was answered
holes$i2[d$id %% 7 == 0 & d$i1 > 3] <- NA
holes$v3[d$id %% 5 == 0] <- NA
holes$l2[d$id %% 6 == 0 & d$s1 < 5] <- NA

# All equations of a study are one saturated structural part, so each is fitted with the others.
equations <- function(drivers, mediator, outcome, covariates) {
  x <- paste(c(drivers, covariates), collapse = " + ")
  # Regressed on covariates, so that these are exogenous and std.nox leaves their units alone.
  free <- if (length(covariates)) c(paste(drivers, "~", paste(covariates, collapse = " + ")), "image ~~ value")
  own <- paste(mediator, "~", x)
  list(total = c(own, paste(outcome, "~", x), paste(mediator, "~~", outcome), free),
    direct = c(own, paste(outcome, "~", x, "+", mediator), free))
}
slopes <- function(case, measured, parts, mediator, outcome, ...) {
  found <- list()
  for (kind in names(parts)) {
    # It warns that there are fewer clusters than parameters; their slopes are fewer.
    f <- suppressWarnings(sem(c(measured, parts[[kind]]), ..., fixed.x = FALSE))
    s <- as.data.frame(standardizedSolution(f))
    plain <- as.data.frame(standardizedSolution(f, type = "std.nox"))
    unit <- s$rhs %in% c("south", "west")  # categories: per unit, in SDs with divisor n - 1
    s[unit, ] <- plain[unit, ]
    s[unit, c("est.std", "se")] <- s[unit, c("est.std", "se")] * sqrt((n - 1) / n)
    s <- s[s$op == "~" & (s$lhs == outcome | (kind == "total" & s$lhs == mediator)), ]
    model <- ifelse(s$lhs == outcome, paste0(outcome, ".", kind), mediator)
    term <- ifelse(s$rhs %in% c("south", "west"), paste0("region[", s$rhs, "]"), s$rhs)
    found[[kind]] <- data.frame(case, model, term, beta = sprintf("%.12g", s$est.std), std_error = sprintf("%.12g", s$se))
  }
  do.call(rbind, found)
}
error_variance <- function(x, w = rep(1, length(x)), reliability = .8) {
  (1 - reliability) * sum(w * (x - weighted.mean(x, w))^2) / sum(w)
}
respondents <- function(case, data, w = NULL, ...) {
  e <- if (is.null(w)) error_variance(data$s1) else error_variance(data$s1, data[[w]])
  measured <- c("image =~ i1 + i2 + i3", "value =~ v1 + v2 + v3", "satisfaction =~ s1", "loyalty =~ l1 + l2",
    sprintf("s1 ~~ %.15g*s1", e))
  parts <- equations(c("image", "value"), "satisfaction", "loyalty", c("age", "south", "west"))
  slopes(case, measured, parts, "satisfaction", "loyalty", data = data, estimator = "MLR", sampling.weights = w, ...)
}
published <- function() {
  m <- read.csv(file.path(folder, "..", "..", "data", "studies", "mobile_customers", "moments.csv"), comment.char = "#")
  names <- m$variable
  r <- as.matrix(m[, names]); r[upper.tri(r)] <- t(r)[upper.tri(r)]
  s <- r * outer(m$sd, m$sd); dimnames(s) <- list(names, names)
  e <- .2 * m$sd[names == "cusa"]^2 * (m$n[1] - 1) / m$n[1]
  measured <- c("competence =~ comp_1 + comp_2 + comp_3", "likeability =~ like_1 + like_2 + like_3",
    "satisfaction =~ cusa", "loyalty =~ cusl_1 + cusl_2 + cusl_3", sprintf("cusa ~~ %.15g*cusa", e))
  parts <- equations(c("competence", "likeability"), "satisfaction", "loyalty", NULL)
  slopes("moments", measured, parts, "satisfaction", "loyalty", sample.cov = s, sample.nobs = m$n[1])
}
out <- rbind(published(), respondents("plain", d), respondents("weights", d, "w"),
  respondents("cluster", d, cluster = "team"), respondents("cluster_weights", d, "w", cluster = "team"),
  respondents("missing", holes, missing = "fiml"))
write.csv(out, file.path(folder, "twins.csv"), row.names = FALSE, quote = FALSE)

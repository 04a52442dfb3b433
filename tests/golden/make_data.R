# Writes survey.csv: 240 SIMULATED respondents, nobody's answers. Run: Rscript make_data.R
# Awkward on purpose: unequal scales, variance that grows with x1, unequal clusters, informative
# weights, slopes that differ by sector. golden.csv is computed from the file as written.
RNGversion("4.0.0")
set.seed(20240607)
script <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])
folder <- dirname(normalizePath(script))

store_size <- c(35, 8, 22, 14, 29, 11, 40, 9, 18, 13, 25, 16)
store <- rep(seq_along(store_size), store_size)
n <- length(store)
sector <- ifelse(store <= 6, "goods", "services")

# five teams in every store, of unequal size and never empty
team_in_store <- unlist(lapply(store_size, function(size)
  sort(c(1:5, sample(5, size - 5, replace = TRUE, prob = 5:1)))))
team <- (store - 1) * 5 + team_in_store
region <- sample(c("north", "south", "west"), n, replace = TRUE, prob = c(.5, .3, .2))

correlation <- matrix(c(1, .55, .30, .55, 1, -.20, .30, -.20, 1), 3)
z <- matrix(rnorm(3 * n), n) %*% chol(correlation)
store_effect <- rnorm(12)[store]
team_effect <- rnorm(60)[team]
z[, 1] <- z[, 1] + .4 * store_effect

x1 <- 4 + 1.1 * z[, 1]
x2 <- 52 + 9 * z[, 2]
x3 <- .3 + .25 * z[, 3]
m <- 3 + .5 * z[, 1] + .3 * z[, 2] + .2 * store_effect + .8 * rnorm(n)
south <- region == "south"
services <- sector == "services"
y1 <- 1 + .45 * z[, 1] + .2 * z[, 2] - .3 * services * z[, 1] + .5 * m + .15 * z[, 1] * z[, 2] +
  .4 * south + .3 * store_effect + .2 * team_effect + exp(.35 * z[, 1]) * .7 * rnorm(n)
y2 <- 300 - 20 * z[, 3] + 12 * m + 15 * services + 8 * team_effect +
  25 * (1 + .5 * south) * rnorm(n)
w <- pmin(3, pmax(.3, exp(.5 * rnorm(n) - .2 * z[, 2] - .1)))

data <- data.frame(
  id = seq_len(n), store = sprintf("s%02d", store), team = sprintf("t%02d", team), sector, region,
  sprintf("%.6f", x1), sprintf("%.6f", x2), sprintf("%.6f", x3), sprintf("%.6f", m),
  sprintf("%.6f", y1), sprintf("%.6f", y2), sprintf("%.6f", w))
names(data)[6:12] <- c("x1", "x2", "x3", "m", "y1", "y2", "w")
write.csv(data, file.path(folder, "survey.csv"), row.names = FALSE, quote = FALSE, eol = "\n")

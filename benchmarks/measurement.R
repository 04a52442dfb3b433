# The R side of measurement.py: says which packages there are, then runs one task per line of its
# input and answers with the seconds it took inside this process.
# Arguments: cfa.csv, ladder.csv, htmt.csv.
packages <- Filter(function(p) requireNamespace(p, quietly = TRUE), c("lavaan", "semTools"))
versions <- sapply(packages, function(p) as.character(packageVersion(p)))
cat("R", as.character(getRversion()), paste(packages, versions), "\n", sep = " ")
suppressMessages(for (p in packages) library(p, character.only = TRUE))

files <- commandArgs(trailingOnly = TRUE)
tables <- lapply(files, read.csv)
model_of <- function(columns, items) {
  columns <- setdiff(columns, "country")
  parts <- split(columns, rep(seq_len(length(columns) / items), each = items))
  lines <- sprintf("f%d =~ %s", seq_along(parts), sapply(parts, paste, collapse = " + "))
  paste(lines, collapse = "\n")
}
held <- c("loadings", "intercepts", "residuals")
ladder <- function(estimator) {
  model <- model_of(names(tables[[2]]), 4)
  for (step in 0:3) {
    equal <- if (step) head(held, step) else ""
    fitMeasures(cfa(model, tables[[2]], group = "country", group.equal = equal, estimator = estimator))
  }
}
replicates <- function(count) {
  model <- model_of(names(tables[[3]]), 3); n <- nrow(tables[[3]])
  values <- replicate(count, htmt(model, tables[[3]][sample(n, replace = TRUE), ], htmt2 = FALSE)[2, 1])
  quantile(values, c(.025, .975))
}
tasks <- list(
  cfa = function() fitMeasures(cfa(model_of(names(tables[[1]]), 4), tables[[1]])),
  ladder = function() ladder("ML"),
  ladder_robust = function() ladder("MLR"),
  htmt50 = function() replicates(50),
  htmt2000 = function() replicates(2000)
)
set.seed(1)
input <- file("stdin", open = "r")
while (length(task <- readLines(input, 1))) {
  began <- Sys.time()
  invisible(tasks[[task]]())
  cat(sprintf("%.6f\n", as.numeric(Sys.time() - began, units = "secs")))
}

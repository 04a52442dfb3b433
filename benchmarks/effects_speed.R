# The R side of effects_speed.py: says which lavaan there is, then runs one task per line of its
# input: "indirect" answers the first of the fifteen effects, "50 5000" the seconds that 5,000
# bootstrap replicates would take by 50 of them.
# Argument: survey.csv.
there <- requireNamespace("lavaan", quietly = TRUE)
version <- if (there) paste("lavaan", packageVersion("lavaan"))
cat("R", as.character(getRversion()), version, "\n", sep = " ")
if (there) suppressMessages(library(lavaan))

answers <- read.csv(commandArgs(trailingOnly = TRUE)[1])
drivers <- names(answers)[1:5]; mediator <- names(answers)[6]; outcomes <- names(answers)[7:9]
labelled <- function(labels, terms) paste(sprintf("%s*%s", labels, terms), collapse = " + ")
first <- sprintf("a%d", 1:5); second <- sprintf("b%d", 1:3)
equations <- c(
  paste(mediator, "~", labelled(first, drivers)),
  sprintf("%s ~ %s*%s + %s", outcomes, second, mediator, paste(drivers, collapse = " + "))
)
pairs <- expand.grid(first = first, second = second, stringsAsFactors = FALSE)
products <- with(pairs, sprintf("%s%s := %s*%s", first, second, first, second))
model <- paste(c(equations, products), collapse = "\n")

seconds <- function(...) system.time(sem(model, answers, ...))[["elapsed"]]
whole <- function(timed, asked) {
  alone <- seconds(se = "none")
  alone + (seconds(se = "bootstrap", bootstrap = timed) - alone) / timed * asked
}
indirect <- function() subset(parameterEstimates(sem(model, answers)), label == "a1b1")$est
set.seed(1)
input <- file("stdin", open = "r")
while (length(task <- readLines(input, 1))) {
  found <- if (task == "indirect") indirect() else do.call(whole, as.list(scan(text = task, quiet = TRUE)))
  cat(sprintf("%.15g\n", found))
}

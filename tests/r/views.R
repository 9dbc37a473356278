# The views of a SQLite database as CSV, numbers with all their digits.
# Usage: Rscript views.R trial.sqlite parameters.csv endpoints.csv

files <- commandArgs(TRUE)
con <- DBI::dbConnect(RSQLite::SQLite(), files[1])
RSQLite::initExtension(con, "math")
save <- function(view, path) {
  rows <- DBI::dbGetQuery(con, paste("SELECT * FROM", view))
  for (name in names(rows)[vapply(rows, is.numeric, TRUE)]) {
    rows[[name]] <- ifelse(is.na(rows[[name]]), NA, sprintf("%.17g", rows[[name]]))
  }
  write.csv(rows, path, row.names = FALSE, na = "")
}
save("parameters", files[2])
save("endpoints", files[3])

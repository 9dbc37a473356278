# Every test vector of the JSON cards, calculated by plain R: an implementation of its own of each operation.
# Usage: Rscript vectors.R cards.json. Prints one line for each wrong answer and the number of vectors at the end.

suppressPackageStartupMessages(library(jsonlite))
cards <- fromJSON(commandArgs(TRUE)[1], simplifyVector = FALSE)
sql <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
asked <- 0
wrong <- 0

NONE <- list(value = NA_real_, state = "not_derivable")
ok <- function(value, state = "derived") list(value = value, state = state)
has <- function(x, name) name %in% names(x)

POWER <- function(base, exponent) base^exponent
SQRT <- sqrt
LN <- log
calculate <- function(expression, values) {
  eval(parse(text = expression), c(lapply(values, identity), POWER = POWER, SQRT = SQRT, LN = LN))
}
holds <- function(condition, field, text) {
  found <- DBI::dbGetQuery(sql, sprintf("SELECT (%s) AS x FROM (SELECT ? AS %s)", condition, field),
                           params = list(if (is.null(text)) NA_character_ else text))$x
  as.logical(found)
}

# one cell: its number, whether a limit stands for it, and whether it counts as a result
cell <- function(x, card) {
  if (is.null(x)) return(list(value = NA_real_, limited = FALSE, result = FALSE))
  if (is.numeric(x)) return(list(value = x, limited = FALSE, result = TRUE))
  side <- substr(x, 1, 1)
  if (!side %in% c("<", ">")) return(list(value = NA_real_, limited = FALSE, result = FALSE))
  limit <- as.numeric(substring(x, 2))
  policy <- if (side == "<") card$below_limit else card$above_limit
  value <- switch(policy, missing = NA_real_, half_limit = limit / 2, limit = limit)
  list(value = value, limited = !is.na(value), result = TRUE)
}

# the records under one name: the last or first repeat with a result, or doubled records that must agree
one <- function(x, card) {
  if (!is.list(x)) return(cell(x, card))
  cells <- lapply(x, cell, card = card)
  if (card$input$table %in% unlist(cards$counted_tables)) {
    with_result <- Filter(function(c) c$result, cells)
    if (length(with_result) > 0) cells <- with_result
    return(if (card$repeats == "last") cells[[length(cells)]] else cells[[1]])
  }
  values <- na.omit(vapply(cells, function(c) c$value, 0))
  limited <- any(vapply(cells, function(c) c$limited, TRUE))
  list(value = if (length(unique(values)) == 1) values[1] else NA_real_, limited = limited, result = TRUE)
}
sampled <- function(vector, name, card) if (has(vector$inputs, name)) one(vector$inputs[[name]], card) else NULL
worded <- function(found) {
  if (is.null(found) || is.na(found$value)) NONE else ok(found$value, if (found$limited) "input_imputed_limit" else "derived")
}

parameter <- function(card, vector) {
  switch(card$operation,
    value = worded(sampled(vector, "value", card)),
    once = {
      found <- Filter(function(c) !is.null(c) && !is.na(c$value), lapply(card$order, function(v) sampled(vector, v, card)))
      worded(if (length(found)) found[[1]] else NULL)
    },
    indicator = {
      if (!has(vector$inputs, "value")) return(NONE)
      cells <- vector$inputs[["value"]]
      found <- unique(na.omit(vapply(if (is.list(cells)) cells else list(cells),
                                     function(x) holds(card$condition, card$input$field, x), NA)))
      if (length(found) == 1) ok(as.numeric(found)) else NONE
    },
    rank = {
      places <- na.omit(match(unlist(vector$inputs[["value"]]), unlist(card$codes))) - 1
      if (length(places) >= card$records) ok(max(places)) else NONE
    },
    mean = {
      cells <- lapply(card$minutes, function(m) sampled(vector, as.character(m), card))
      cells <- Filter(function(c) !is.null(c) && !is.na(c$value), cells)
      if (length(cells) < card$at_least) return(NONE)
      limited <- any(vapply(cells, function(c) c$limited, TRUE))
      ok(mean(vapply(cells, function(c) c$value, 0)), if (limited) "input_imputed_limit" else "derived")
    },
    trapezoid = trapezoid(card, vector),
    formula = formula_of(card, vector))
}

trapezoid <- function(card, vector) {
  clock <- function(minute) {
    true <- vector$minutes[[as.character(minute)]]
    if (card$clock == "actual" && !is.null(true)) true else minute
  }
  read <- function(minute) sampled(vector, as.character(minute), card)
  first <- Filter(function(c) !is.null(c) && !is.na(c$value), lapply(card$start$minutes, read))
  if (length(first) == 0) return(NONE)
  start <- if (length(card$start$minutes) == 1) clock(card$start$minutes[[1]]) else card$start$at
  times <- start
  values <- mean(vapply(first, function(c) c$value, 0))
  limited <- any(vapply(first, function(c) c$limited, TRUE))
  gaps <- 0
  for (minute in card$minutes) {
    found <- read(minute)
    if (is.null(found) || is.na(found$value)) {
      if (minute == card$minutes[[length(card$minutes)]]) return(NONE)
      gaps <- gaps + 1
    } else {
      times <- c(times, clock(minute))
      values <- c(values, found$value)
      limited <- limited || found$limited
    }
  }
  if (gaps > card$bridged || any(diff(times) <= 0)) return(NONE)
  area <- sum(diff(times) * (head(values, -1) + tail(values, -1)) / 2)
  if (card$method == "incremental") area <- area - values[1] * (tail(times, 1) - times[1])
  ok(area, if (gaps > 0) "input_imputed_interval" else if (limited) "input_imputed_limit" else "derived")
}

formula_of <- function(card, vector) {
  values <- list()
  state <- "derived"
  for (name in names(card$inputs)) {
    input <- card$inputs[[name]]
    value <- vector$inputs[[name]]
    if (!is.numeric(value)) {
      if (is.null(input$when_missing)) return(NONE)
      value <- input$when_missing
      if (state == "derived") state <- "input_assumed"
    }
    if (isTRUE(input$positive) && value <= 0) return(NONE)
    values[[name]] <- value
  }
  ok(calculate(card$expression, values), state)
}

endpoint <- function(card, vector) {
  outside <- list(value = NA_real_, state = "not_in_population")
  if (identical(vector$member, FALSE)) return(outside)
  if (!is.null(card$subgroup)) {
    if (!is.numeric(vector$subgroup)) return(NONE)
    condition <- gsub("\\bAND\\b", "&", gsub("\\bOR\\b", "|", card$subgroup$condition))
    if (!eval(parse(text = condition), list(value = vector$subgroup))) return(outside)
  }
  if (is.null(vector$member)) return(NONE)
  number <- function(name) if (is.numeric(vector$inputs[[name]])) vector$inputs[[name]] else NA_real_
  before <- number("baseline")
  after <- number("follow_up")
  value <- switch(card$operation,
    change = after - before,
    log_ratio = if (!is.na(before) && !is.na(after) && before > 0 && after > 0) log(after / before) else NA_real_,
    decrease = as.numeric(after < before),
    increase = as.numeric(after > before),
    level = number("value"),
    mean_over = {
      found <- na.omit(vapply(card$over, number, 0))
      if (length(found) >= card$at_least) mean(found) else NA_real_
    },
    event = as.numeric(vector$inputs$records > 0))
  if (is.na(value)) NONE else ok(value)
}

same <- function(expected, found) {
  if (is.null(expected)) return(is.null(found) || is.na(found))
  !is.null(found) && !is.na(found) && abs(expected - found) <= 1e-9 * max(abs(expected), 1e-3)
}
read_as <- function(card, vector) {
  for (change in card$alternatives) {
    if (identical(vector$readings[[change$reading]], change$choice)) for (key in names(change$set)) card[[key]] <- change$set[[key]]
  }
  card
}
tell <- function(card, vector, words) {
  wrong <<- wrong + 1
  cat(card$id, ", ", vector$case, ": ", words, "\n", sep = "")
}

for (kind in c("parameters", "endpoints")) for (card in cards[[kind]]) for (vector in card$vectors) {
  asked <- asked + 1
  found <- (if (kind == "parameters") parameter else endpoint)(read_as(card, vector), vector)
  if (!same(vector$value, found$value) || found$state != vector$state) {
    tell(card, vector, sprintf("%s %s", found$value, found$state))
  }
}

column <- function(vector, name) vapply(vector$columns[[name]], function(x) if (is.null(x)) NA_real_ else x, 0)
groups <- list(
  correlation = function(vector) {
    x <- column(vector, "x")
    y <- column(vector, "y")
    both <- !is.na(x) & !is.na(y)
    if (sum(both) < 3 || sd(x[both]) == 0 || sd(y[both]) == 0) return(list(n = sum(both)))
    line <- summary(lm(y[both] ~ x[both]))$coefficients
    list(n = sum(both), r2 = cor(x[both], y[both])^2, slope = line[2, 1], p_slope = line[2, 4])
  },
  regression = function(vector) {
    data <- data.frame(y = column(vector, "y"), arm = column(vector, "arm"), covariate = column(vector, "covariate"))
    if (sd(data$covariate) == 0) return(list(n = nrow(data)))
    model <- summary(lm(y ~ arm + covariate, data))
    f <- model$fstatistic
    list(n = nrow(data), effect_treatment = model$coefficients[2, 1], effect_covariate = model$coefficients[3, 1],
         p_treatment = model$coefficients[2, 4], p_covariate = model$coefficients[3, 4],
         p_model = unname(pf(f[1], f[2], f[3], lower.tail = FALSE)))
  },
  contingency = function(vector) {
    counts <- sapply(names(vector$columns), function(name) column(vector, name))
    test <- suppressWarnings(chisq.test(counts, correct = FALSE))
    list(n = sum(counts), chi_square = unname(test$statistic), p_chi_square = test$p.value)
  })
groups$pairs <- groups$correlation
for (card in cards$groups) for (vector in card$vectors) {
  asked <- asked + 1
  found <- groups[[card$operation]](vector)
  for (name in names(vector$expect)) {
    if (!same(vector$expect[[name]], found[[name]])) tell(card, vector, paste(name, "is", found[[name]]))
  }
}
cat(asked, "vectors,", wrong, "wrong\n")

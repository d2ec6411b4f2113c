# The search line, and what is said about a query.
events-search = Search
events-search-label = Search in the Event log
events-search-hint = Any text, or a field: severity >= ERROR and source.id = iam
events-wrong-query = The query cannot be read
events-wrong-query-help = Nothing is shown until it is repaired. The place is marked under the search line.
events-as-query = As a query
events-as-query-help = Put the chosen filters into the search line
query-place = The query, with the wrong place marked
query-expected = Expected:
query-did-you-mean = Did you mean
query-hint-or = Both values at once? Side by side means AND. Either of them:
query-completions = Suggestions
query-the-end = the end
query-a-blank = a blank
query-a-value = a value
query-a-parameter = a parameter
query-a-metadata-key = a metadata key
query-a-whole-number = a whole number

# Filters with values that are counted.
events-no-values = No values to choose from here.
events-values-partial = Not everything could be counted: there may be more.
events-another = Another value: { $name }
events-another-value = Another value

# What stands over the table.
events-count = { $n ->
    [one] { $count } event
   *[other] { $count } events
}
events-count-partial = { $n ->
    [one] At least { $count } event; not everything could be counted
   *[other] At least { $count } events; not everything could be counted
}
events-counting = Counting…
events-count-failed = The events could not be counted just now.
events-show-counts = Show numbers and histogram
events-histogram = Events over time
events-histogram-failed = The histogram could not be made just now.
events-histogram-partial = not all events
events-later = { $n ->
    [one] { $count } event is dated later than now
   *[other] { $count } events are dated later than now
}
events-later-help = By clocks that run ahead. They are counted, but lie behind the last bar.
events-level-error = Errors and worse
events-level-warning = Warnings
events-level-info = Info and notices
events-level-debug = Debug and default
events-again = Try again

# Links of an event's values.
events-only = Only { $term }
events-without = Without { $term }
events-around = 5 minutes around it

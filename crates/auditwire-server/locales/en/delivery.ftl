# The page of a connection, and what became of an event.
delivery-now = Now
delivery-last-sent = Last sent
delivery-oldest = Oldest waiting
delivery-last-error = Last error
delivery-unmeasured = Not measured
delivery-unmeasured-acknowledgement = This system does not tell what the receiver acknowledged. Events count as settled 5 s after they were sent, and more is sent again after a break.
delivery-unmeasured-path = This system does not tell the state of the path. A dead one is noticed after minutes, and a part is sent again after every end.
delivery-went = How it went
delivery-range = Time shown
delivery-day = 24 hours
delivery-month = 30 days
delivery-rate = Throughput
delivery-position = Settled up to event
delivery-age = Age of the oldest waiting event
delivery-backlog = Backlog
delivery-told = From { $least } to { $most }; newest { $now }.
delivery-nothing-known = Nothing is known: the connection was not sending.
delivery-gap = not sending, nothing is known
delivery-table = As a table
delivery-since = Since
delivery-counters = Counters
delivery-counter = Counter
delivery-ever = In total
delivery-acknowledged = Acknowledged
delivery-filtered = Kept back by the filter
delivery-resent = Sent again
delivery-bytes = Bytes sent
delivery-reconnects = Reconnects
delivery-quarantined = Set aside
delivery-unit-b = { $size } B
delivery-unit-kib = { $size } KiB
delivery-unit-mib = { $size } MiB
delivery-unit-gib = { $size } GiB
delivery-unit-tib = { $size } TiB
delivery-changes = Reconnects and errors
delivery-changes-none = The status has not changed in this time.
delivery-more-changes = { $n ->
    [one] { $count } more change is not shown.
   *[other] { $count } more changes are not shown.
}
delivery-ended = sending ended
delivery-messages = Latest messages
delivery-messages-none = No message among the latest events yet.
delivery-message-of = Message of event { $seq }
delivery-as-sent = as sent
delivery-as-now = as it would be sent now

delivered-title = Delivery
delivered-none = No SIEM connection was active.
delivered-acknowledged = acknowledged
delivered-sent = sent
delivered-filtered = kept back by the filter
delivered-quarantined = set aside
delivered-unknown = not known
delivered-waiting = waiting
delivered-stopped = not sent
delivered-skipped = left out
delivered-between = between { $from } and { $to }
delivered-by-replay = again, by replay { $id }
delivered-before = { $n ->
    [0] It is the next one: sent, or about to be, and not acknowledged yet.
    [one] { $count } event stands before it.
   *[other] { $count } events stand before it.
}
delivered-stopped-help = The connection was stopped before it. It goes on there when it is started with “Continue”.
delivered-skipped-help = The connection was started behind it.
delivered-filter-forgotten = Acknowledged or kept back: the filter of that time is not known any more.
delivered-quarantine-cleared = Acknowledged or set aside: entries of that time were cleared from the quarantine.
delivered-before-history = It was before the history of delivery that is kept.
delivered-revision = revision { $revision }
delivered-deleted = deleted

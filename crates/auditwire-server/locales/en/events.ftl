# Monitoring → Event log.
events-crumbs = Where you are
events-planes = Planes
events-plane-control = Control plane
events-plane-data = Data plane
events-data-plane-help = The data plane holds what happens inside virtual machines, clusters and databases: sign-ins over SSH, commands, queries. Send such events with "plane":"data".

# Columns and fields.
events-date = Event date
events-severity = Severity
events-action = Action
events-message = Message
events-source = Source
events-user = User
events-resource = Resource
events-status = Status
events-outcome = Outcome
outcome-success = success
outcome-failure = failure
outcome-unknown = unknown
events-received-badge = received
events-received-at = Received { $time }

# Filters.
events-filters = Filters
events-time = Time range
range-15m = Last 15 minutes
range-1h = Last hour
range-24h = Last 24 hours
range-7d = Last 7 days
range-30d = Last 30 days
range-all = All time
events-since = Since { $time }
events-until = Until { $time }
events-from = From
events-to = To
events-in-zone = Times in { $zone }
events-apply = Apply
events-clear = Clear filters
events-wrong-time = “{ $text }” is not a date and time. Write it like 2026-11-22 14:30.
events-wrong-end = The end must be later than the beginning.
events-wrong-value = There is no “{ $text }” to choose here; it is left out.

# Order and pages.
events-newest-first = In order of registration. Show newest first
events-oldest-first = In order of registration. Show oldest first
events-pages = Pages
events-newest = Newest
events-oldest = Oldest
events-newer = Newer
events-older = Older
events-found = { $n ->
    [one] { $count } event on this page
   *[other] { $count } events on this page
}
events-partial = The search was stopped after { $seconds } s, before it had seen everything. The next page continues it; a shorter time range is faster.
events-unreadable = Events { $from }–{ $to } are missing here: their file { $segment } is damaged or gone. The log of the service says why; all other events are shown.

# Live tail.
events-live = Live
events-live-help = New events appear on top. The time range does not apply.
events-live-reloads = This page reloads every 2 seconds.
events-live-waiting = Waiting for events…
events-live-paused = Paused
events-live-lost = Connection lost, trying again…
events-live-pause = Pause
events-live-resume = Resume
events-live-leave = Stop live
events-live-said = New events: { $count }
events-more = { $n ->
    [one] { $count } more event is not shown here
   *[other] { $count } more events are not shown here
}

# Download.
events-download = Download
events-download-list = TSV, up to 1,000 rows
events-download-help = In this order and with these filters. The download is recorded in the Event log.
events-download-cut = The list is longer: this file ends after its first 1,000 rows.
events-export = Everything that matches, as one file:
events-export-raw = Leave cells as they are
events-export-raw-help = In CSV and TSV, cells that a spreadsheet would run as a formula get an apostrophe in front, unless they are left as they are. JSON Lines and Parquet are exact in any case.
events-download-begun = The list is being written, at most its first 1,000 rows. Your browser shows the file among its downloads.
events-export-begun = The file is being written: { $count }. Your browser shows among its downloads how far it is.
events-export-begun-uncounted = The file is being written. Your browser shows among its downloads how far it is.
events-export-begun-ends = It is whole when the download ends by itself; if it breaks off, the browser says that it failed, and the event “export-end” in this log says why.
events-export-told = Every download is recorded in the Event log.

# Nothing to show.
events-first-title = No events yet
events-first-text = Services send events with one HTTP request. Send the first one from a terminal:
events-first-token = The operator's token is in the data folder, in the file
events-first-waiting = Waiting for the first event. It will appear here by itself.
events-first-reload = Reload this page after sending it.
events-copy = Copy
events-copied = Copied
events-nothing-filtered = No events match these filters
events-nothing-ranged = No events in this time range
events-nothing-range = Time range: { $range }
events-nothing-data = No data plane events yet
events-nothing-control = No control plane events yet
events-all-time = Show all time
events-to-control = Go to the control plane
events-to-data = Go to the data plane

# One event.
events-event = Event { $seq }
events-neighbours = Neighbouring events
events-previous = Previous
events-next = Next
events-open-page = Open as a page
events-close = Close
events-group-event = Event
events-group-who = Who
events-group-what = On what
events-group-status = Status
events-received = Received
events-late = differs from the event date
events-source-address = Source address
events-plane = Plane
events-labels = Labels
events-seq = Number in the log
events-event-id = Event ID
events-request-id = Request ID
events-user-id = User ID
events-address = Address
events-project-id = Project ID
events-resource-type = Resource type
events-resource-id = Resource ID
events-status-code = Status code
events-status-message = Status message
events-json = JSON

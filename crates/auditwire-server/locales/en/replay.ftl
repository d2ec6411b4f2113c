# Sending a part of the log again.
replay-title = Replay to { $name }
replay-help = A part of the log is sent again, over a second connection. Live delivery is not disturbed.
replay-inactive = This connection is not active
replay-inactive-text = Only the active connection takes a replay. Start it first; what it missed while it was stopped, it sends by itself.
replay-to-list = To the connections
replay-under-way = A replay is under way
replay-under-way-text = A project has one at a time.
replay-open = Open it
replay-what = What to send again
replay-range = Time range
replay-range-help = By event date.
replay-range-quarantine = From the quarantine
replay-between = Between two times…
replay-between-times = Between two times
replay-no-time = Enter the beginning, the end, or both.
replay-query = Query
replay-optional = (optional)
replay-query-help = In the language of the search line; times are dates, not counted from now. The connection's own filter applies as well.
replay-rate = Events per second at most
replay-rate-help = Live delivery has its own pace.
replay-wrong-rate = Enter a number from { $from } to { $to }.
replay-sends = { $n ->
    [one] Sends { $count } event. That takes about { $span }
   *[other] Sends { $count } events. That takes about { $span }
}
replay-sends-least = { $n ->
    [one] Sends at least { $count } event. That takes { $span } or longer
   *[other] Sends at least { $count } events. That takes { $span } or longer
}
replay-sends-nothing = No events match: nothing would be sent.
replay-uncounted = How many events it sends is shown here when the form is complete.
replay-start = Start replay
replay-past = Replays of this connection
replay-past-none = Nothing was ever replayed to this connection.
replay-id = Id
replay-begun = Begun
replay-ended = Ended
replay-sent = Sent
replay-of = Of
replay-at-least = at least { $number }

# One replay.
replay-state-title = Replay { $id }
replay-all = All replays of this connection
replay-connection-gone = Its connection was deleted.
replay-progress = Progress
replay-count = { $sent } of { $matched } events sent
replay-left = about { $span } left
replay-waits = It waits for a connection: { $cause }
replay-waits-inactive = It waits: its connection is not active
replay-waits-inactive-remedy = Start the connection, and the replay goes on where it was.
replay-pace = Throughput
replay-limit = At most
replay-resent = Sent twice, after breaks
replay-unsendable = Could not become a message
replay-mark = In each message
replay-last-error = Last error
replay-pause = Pause
replay-resume = Resume
replay-cancel = Cancel replay
replay-cancel-help = What was sent cannot be called back.
status-replay-running = running
status-replay-paused = paused
status-replay-done = done
status-replay-cancelled = cancelled
status-replay-waiting = waiting
notice-replay-begun = The replay has begun. It goes on by itself, also when you leave this page.
notice-replay-over = This replay is over already.

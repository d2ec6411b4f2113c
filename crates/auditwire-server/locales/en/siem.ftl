# Event log → Settings → SIEM: the list and what is done there.
siem-title = Event log settings
siem-tabs = Settings of the event log
siem-tab = SIEM

siem-create = Create connection
siem-configure = Configure
siem-start = Start
siem-stop = Stop
siem-check = Check
siem-replay = Replay
siem-quarantine = Quarantine
siem-delete = Delete
siem-cancel = Cancel

siem-empty = No SIEM connection yet
siem-empty-text = A SIEM connection sends the events of this project to your SIEM as they come in, and again until the SIEM has taken them.
siem-only-one = Only one connection is active at a time: starting one stops the other.
siem-selected = Selected connections
siem-select = Select { $name }
siem-select-all = Select all
siem-actions = Actions for { $name }
siem-hint-none = Select connections to start, stop or delete them.
siem-hint-count = Selected:
siem-hint-start-one = Start needs exactly one.
siem-hint-start-active = It is active already.
siem-hint-stop = None of them is active.

siem-status = Status
siem-name = Name
siem-endpoint = Connection point
siem-transport = Protocol
siem-format = Format
siem-filter = Filter
siem-acknowledged = Last acknowledged
siem-acknowledged-event = Event { $name }
siem-sent = sent
siem-backlog = Backlog
siem-backlog-help = Events that this connection has not settled yet, before its filter.
siem-rate = Throughput
siem-rate-value = { $rate }/s
siem-menu = Actions
siem-all-events = All events
siem-unverified = unverified
siem-unverified-help = The SIEM's certificate is not verified: anyone in between could read the events.
siem-never-started = never started

siem-trouble-degraded = { $name } is degraded: { $cause }
siem-trouble-failing = { $name } is failing: { $cause }
siem-trouble-open = Open the check

status-inactive = inactive
status-active = active
status-degraded = degraded
status-failing = failing

transport-tcp = TCP
transport-udp = UDP
transport-tls = TCP over TLS
transport-relp = RELP
transport-relp_tls = RELP over TLS

notice-siem-start-one = Nothing was started: Start needs exactly one selected connection.
notice-siem-active-already = { $name } is active already.
notice-siem-stopped = { $name } is stopped. Events wait in the log until a connection is started.
notice-siem-none-active = Nothing was stopped: no selected connection is active.
notice-siem-delete-none = Nothing was deleted: select the connections to delete first.
notice-siem-gone = Nothing was deleted: the selected connections are gone already.
notice-siem-deleted = { $n ->
    [one] Connection deleted: { $name }.
   *[other] { $count } connections deleted: { $name }.
}
notice-siem-deleted-gone = { $n ->
    [one] Connection deleted: { $name }. The others selected were gone already.
   *[other] { $count } connections deleted: { $name }. The others selected were gone already.
}

delete-title = { $n ->
    [one] Delete this connection?
   *[other] Delete { $count } connections?
}
delete-text = Settings and keys are deleted for ever. Events stay in the Event log.
delete-active = Active. It is stopped first.
delete-active-waiting = { $n ->
    [one] Active. It is stopped first. { $count } event in the log is not sent yet; another connection can take over from there.
   *[other] Active. It is stopped first. { $count } events in the log are not sent yet; another connection can take over from there.
}
delete-gone = Some of the selected connections are gone already.
delete-button = { $n ->
    [one] Delete connection
   *[other] Delete { $count } connections
}

quarantine-title = Quarantine
quarantine-help = Events that cannot become a message within the limits of this connection are set aside; the others go on. Raise its maximum size, then send them again: what was sent leaves this list. The events themselves stay in the log.
quarantine-empty = Nothing is in quarantine.
quarantine-total = { $n ->
    [one] One event.
   *[other] { $count } events.
}
quarantine-dropped = { $n ->
    [one] One older entry made room for newer ones.
   *[other] { $count } older entries made room for newer ones.
}
quarantine-resend = Send selected again
quarantine-resend-all = Send all again
quarantine-going = being sent again
notice-quarantine-resend-none = Nothing is sent again: select events first.
notice-quarantine-resend-inactive = Nothing is sent again: the connection is not active. Start it first.
notice-quarantine-resend-running = Nothing is sent again: another replay is under way in this project.
quarantine-clear = Take selected off the list
quarantine-clear-all = Take all off the list
quarantine-selection = Selection
quarantine-select = Select event { $seq }
quarantine-seq = Event
quarantine-at = Set aside
quarantine-action = Action
quarantine-reason = Reason
quarantine-gone = no longer in the log
quarantine-pages = Pages
quarantine-newest = Newest
quarantine-older = Older
notice-quarantine-none = Nothing was taken off the list: select events first.
notice-quarantine-cleared = { $n ->
    [one] One event was taken off the list.
   *[other] { $count } events were taken off the list.
}

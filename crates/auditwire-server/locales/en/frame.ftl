# The frame around every page, times, and problems.
frame-skip = Skip to the content
frame-project = Project:
frame-all-projects = All projects
frame-more-projects = More projects
frame-keys-beside-data = The keys that seal stored TLS keys lie in the data folder, beside what they seal. Whoever copies the folder can read both. Set AUDITWIRE_KEYS to keep them apart.
frame-projects = Projects
frame-account = Account:
frame-account-settings = Account settings
frame-sign-out = Sign out
frame-navigation = Sections
frame-monitoring = Monitoring
frame-event-log = Event log
frame-settings = Settings

alert-delivery-degraded = Events do not reach the SIEM as they should
alert-delivery-degraded-remedy = Nothing is lost while the log keeps them. See what the connection says is wrong.
alert-backlog-near-retention = Events will be removed from the log before the SIEM has them
alert-backlog-near-retention-remedy = Mend the connection, or keep events longer.
alert-certificate-expiring = A certificate of the SIEM connection expires soon, or has expired
alert-certificate-expiring-remedy = Renew it before then: after that nothing is delivered.
alert-retention-reduction = Less of this project's history is going to be kept
alert-retention-reduction-remedy = If nobody of you wanted this, cancel it: what ends by it does not come back.
alert-project-quota = This project has used up what it may send or store
alert-project-quota-remedy = Its events are refused until there is room again. Find out who sends so much, or ask the operator for more.
alert-open = Open the connection
alert-open-retention = Open the retention
alert-open-alerts = Open the alerts
alert-token-expiring = An API token ends soon, or has ended while events came by it
alert-token-expiring-remedy = Give it a new secret before then, and hand that out: afterwards what uses it is refused.
alert-more = { $n ->
    [one] One more alert of this project.
   *[other] { $count } more alerts of this project.
}

time-now = now
time-ago-seconds = { $count } sec. ago
time-ago-minutes = { $count } min. ago
time-ago-hours = { $count } hr. ago
time-ago-days = { $n ->
    [one] { $count } day ago
   *[other] { $count } days ago
}
time-in-seconds = in { $count } sec.
time-in-minutes = in { $count } min.
time-in-hours = in { $count } hr.
time-in-days = { $n ->
    [one] in { $count } day
   *[other] in { $count } days
}
time-span-seconds = { $count } sec.
time-span-minutes = { $count } min.
time-span-hours = { $count } hr.
time-span-days = { $n ->
    [one] { $count } day
   *[other] { $count } days
}
time-for-seconds = for { $count } sec.
time-for-minutes = for { $count } min.
time-for-hours = for { $count } hr.
time-for-days = { $n ->
    [one] for { $count } day
   *[other] for { $count } days
}

failure = Something went wrong
failure-400 = This request cannot be understood
failure-403 = This is not allowed
failure-404 = There is nothing here
failure-409 = This contradicts what is there now
failure-412 = Somebody changed this meanwhile
failure-413 = This is too large
failure-429 = Too often
failure-500 = We met a defect of ours
failure-events_unreadable = A part of the Event log cannot be read
failure-503 = Not available at the moment
failure-code = Error code:
failure-back = To the beginning
failure-back-list = Back to the list

# What is wrong with the service itself (docs/operations.md).
trouble-storage-gone = The service's data folder is gone: removed, unmounted, or something was mounted over it
trouble-storage-gone-remedy = Mount its volume again and start the service.
trouble-store-damaged = The store is damaged, and nothing more is written to it
trouble-store-damaged-remedy = Stop the service, take what can be read with auditwire store rescue, and look at the disk.
trouble-commits-failing = The last attempt to store something failed
trouble-commits-failing-remedy = Look at the service's log and at the system's log of the disk. Senders try again and lose nothing.
trouble-storage-full = The volume is full, and no events are taken
trouble-storage-full-remedy = Make room on it. Senders try again and lose nothing.
trouble-reserve-missing = There is no room for the reserve that lets the service go on when the volume is full
trouble-reserve-missing-remedy = Make room on the volume, or set a smaller reserve.
trouble-clock-ahead = Events were received at times that the clock has not reached yet
trouble-clock-ahead-remedy = Set the clock right. If it is right now, say so with auditwire clock accept.
trouble-upkeep-stalled = Sealing, merging and retention do not come to an end
trouble-upkeep-stalled-remedy = The service's log says what fails.
trouble-delivery-stalled = What starts and stops the senders stands still
trouble-delivery-stalled-remedy = The service's log says what fails.
trouble-segments-missing = Files of sealed events are missing; searches say which events cannot be read
trouble-segments-missing-remedy = Put them back from a back-up: auditwire store inspect names them.
trouble-files-unaccounted = Files of sealed events were found that the store knows nothing of, and were set aside
trouble-files-unaccounted-remedy = Look at them with auditwire store inspect, then adopt or discard them.
trouble-expiry-held = The clock went further than time did; events that would end by it are kept
trouble-expiry-held-remedy = Set the clock right. If it is right now, say so with auditwire clock accept.

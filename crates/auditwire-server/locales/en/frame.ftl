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

# Event log → Settings → Alerts.
alerts-tab = Alerts
alerts-open = Open alerts
alerts-none = Nothing needs you.
alerts-rules = An alert is raised when
alerts-rule-degraded = a connection has been degraded or failing for { $time }
alerts-rule-backlog = the oldest event that is not delivered has waited { $percent } % of the time that events are kept
alerts-rule-backlog-never = the oldest event that is not delivered has waited { $percent } % of the time that events are kept (this project keeps them for ever)
alerts-rule-certificate = a certificate that delivery depends on ends in { $days } days, or has ended
alerts-rule-reduction = a reduction of the project's retention waits to take effect
alerts-rule-quota = the project has used up what it may send in a day or have stored
alerts-rule-token = an API token ends in { $days } days, or has ended while events came by it (not those made for a day or less)
alerts-rules-help = Only the active connection is watched. Each alert is also an event in the log when it begins and when it is over. The operator sets the first limit in the service's configuration.

webhook-title = Webhook
webhook-on = set
webhook-off = not set
webhook-help = A service of yours is called over HTTPS when an alert begins and when it is over. It is told which connection, since when and what to do; nothing of events. What fails is tried again for an hour.
webhook-made = This is the secret. Keep it now: it is not shown again.
webhook-last = Last call
webhook-never = There was none yet.
webhook-pending = Calls still to be made
webhook-test = Send a test
webhook-test-help = Calls it now and tells each stage. Takes up to 10 s.
webhook-test-passed = The test was taken.
webhook-test-failed = The test did not get through.
webhook-url = Address
webhook-url-help = Begins with https://. Redirects are not followed.
webhook-secret = Secret
webhook-secret-new = New secret
webhook-secret-make = Calls are signed with it: 16 to 256 visible ASCII characters. Left empty, one is made and shown once.
webhook-secret-keep = Left empty, the present one stays. It is never shown.
webhook-pem = CA certificates (PEM)
webhook-pem-help = Only for a receiver whose certificate the system's authorities do not vouch for.
webhook-pem-has = Certificates of its own vouch for the receiver. Left empty, they stay.
webhook-no-pem = Remove them and trust the system's authorities
webhook-save = Save
webhook-delete = Delete the webhook
webhook-delete-help = Calls that are still to be made are not made any more. The secret is deleted with it.
webhook-delete-now = Delete
notice-webhook-saved = The webhook is saved. Send a test to see whether it works.
notice-webhook-deleted = The webhook is deleted.

stage-answer = Answer
code-webhook_redirected = Redirected elsewhere
code-webhook_refused = Refused by the receiver
code-webhook_timeout = No answer in time
code-webhook_broken = No HTTP answer

# Who looked.
reading-title = Who looks at the log
reading-is-on = Told
reading-is-off = Not told
reading-help = When this is on, every look at the events of this project is an event in its log: who, from which address, which query and range, how many events were shown. What somebody asks within a minute by the same question is one event. Switching it is told both ways.
reading-switch-on = Tell who looks
reading-switch-off = Do not tell any more
notice-reading-on = From now on the log tells who looks at it.
notice-reading-off = The log does not tell any more who looks at it.

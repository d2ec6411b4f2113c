# The connection check, activation, codes and remedies.
check-title = Checking { $name }
check-stages = Stages of the check
check-again = Check again
check-now = Check now
check-back = Back to the list
check-ms = { $ms } ms
check-seconds = { $seconds } s

check-none = Not checked yet
check-none-text = The check connects as a sender would, sends one test message, and says what it saw.
check-running = The check is running
check-running-text = It takes a few seconds, at most 20.
check-passed = The check passed
check-passed-text = The SIEM takes messages and reads them. Look there for the event
check-doubtful = Nothing speaks against it, but UDP cannot confirm
check-doubtful-text = Look in the SIEM for the event
check-failed = The check failed: { $cause }
check-failed-text = The connection is saved. Mend what the marked stage says, and check again.
check-outdated = The settings have changed since this check
check-outdated-text = Check again to see whether the connection works as it is set now.
check-by = Checked

stage-address = Address
stage-resolve = Name resolution
stage-connect = Connection
stage-tls = TLS handshake
stage-send = Test message
stage-watch = Watching
stage-acknowledge = Acknowledgement
stage-is-waiting = waiting
stage-is-running = running
stage-is-passed = passed
stage-is-failed = failed
stage-is-doubtful = not certain
stage-is-left-out = not reached

activate-title = Activation
activate-start = Start position
activate-continue = Continue
activate-continue-help = Begins where this connection stopped.
activate-take-over = Take over from { $name }
activate-take-over-deleted = Take over from the connection stopped last
activate-take-over-help = Begins where that connection stopped: nothing is left out, the last events may arrive twice.
activate-now = From now on
activate-now-help = Sends only what comes in after the activation.
activate-from = From a time
activate-from-help = Begins with the first event received at or after this time. Time zone: { $zone }.
activate-from-label = Received at or after
activate-count = Count
activate-sends = { $n ->
    [0] Nothing to send at the moment
    [one] { $count } event will be sent now
   *[other] { $count } events will be sent now
}
activate-sends-least = { $n ->
    [one] At least { $count } event will be sent now
   *[other] At least { $count } events will be sent now
}
activate-sends-most = { $n ->
    [0] Nothing to send at the moment
    [one] Up to { $count } event will be sent now
   *[other] Up to { $count } events will be sent now
}
activate-stops = { $name } is active and will be stopped.
activate-checks-again = The check is repeated first: only one that passed within the last 10 minutes counts.
activate-despite = Activate although the check failed
activate-despite-help = Auditwire keeps trying to connect. Nothing is lost meanwhile: events wait in the log.
activate-button = Activate
activate-inactive = Save as inactive
activate-no-start = Choose where to begin.
activate-no-from = Enter a date and a time.

notice-siem-activated = { $n ->
    [0] { $name } is active.
    [one] { $name } is active. { $count } event is being sent.
   *[other] { $name } is active. { $count } events are being sent.
}
notice-siem-activated-instead = { $n ->
    [0] { $name } is active; { $other } was stopped.
    [one] { $name } is active; { $other } was stopped. { $count } event is being sent.
   *[other] { $name } is active; { $other } was stopped. { $count } events are being sent.
}
notice-siem-activated-least = { $n ->
    [0] { $name } is active.
    [one] { $name } is active. At least { $count } event is being sent.
   *[other] { $name } is active. At least { $count } events are being sent.
}
notice-siem-activated-instead-least = { $n ->
    [0] { $name } is active; { $other } was stopped.
    [one] { $name } is active; { $other } was stopped. At least { $count } event is being sent.
   *[other] { $name } is active; { $other } was stopped. At least { $count } events are being sent.
}
notice-siem-kept = { $name } is saved as inactive.
notice-siem-check-failed = { $name } was not activated: the check failed.

cause-quarantined = Events were set aside
cause-not_acknowledged = Not acknowledged for over 10 s
cause-connecting = No connection yet
cause-filter_unusable = The filter's query cannot be read
remedy-quarantined = Some events could not become messages and are not sent. Raise the maximum message size of the connection, or choose another format.
remedy-filter_unusable = The query was fine when it was stored and is not understood any more. Nothing is sent or skipped meanwhile: open the connection, write the query anew, and sending goes on where it stopped.

code-ok = Passed
code-address_forbidden = Address not allowed
code-name_not_found = Host name not found
code-name_server_failed = Name server did not answer
code-connect_refused = Connection refused
code-connect_timeout = Connection timed out
code-host_unreachable = Host unreachable
code-not_permitted = Forbidden on this machine
code-no_descriptors = No file descriptors left
code-no_resources = No memory or ports left
code-tls_expected = The port expects TLS
code-plain_expected = The port does not speak TLS
code-tls_timeout = TLS handshake timed out
code-tls_version = No common TLS version
code-tls_cipher = No common TLS cipher
code-tls_broken = TLS broke off
code-cert_expired = Certificate expired
code-cert_not_yet_valid = Certificate not yet valid
code-cert_self_signed = Self-signed certificate
code-cert_unknown_ca = Unknown certificate authority
code-cert_wrong_name = Certificate of another name
code-cert_no_ip_san = Certificate without the IP address
code-cert_ca_as_leaf = CA certificate in place of a server's
code-cert_unsupported = Certificate not supported
code-cert_fingerprint_mismatch = Another fingerprint
code-client_cert_required = Client certificate required
code-client_cert_refused = Client certificate refused
code-client_cert_expired = Client certificate expired
code-key_mismatch = Key and certificate do not fit
code-closed_at_once = Closed at once
code-closed_after_message = Closed after the test message
code-reset_after_message = Reset after the test message
code-framing_refused = Other framing expected
code-not_acknowledged = Nobody reads
code-message_too_long = Message too long
code-udp_port_closed = UDP port closed
code-udp_unconfirmed = UDP cannot confirm
code-internal = A defect of Auditwire

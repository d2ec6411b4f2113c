# The form of a connection.
form-title-new = Create connection
form-title-configure = Configure connection
form-by-default = by default
form-not-used = not used
form-yes = yes
form-no = no

form-destination = Destination
form-destination-help = Only the name and the connection point are needed. Everything else has a default that works.
form-destination-configure = Where the events go, and how.
form-name = Name
form-name-help = For the list of connections, for example Main SIEM. Unique in this project.
form-endpoint = Connection point
form-endpoint-help = Where the SIEM receives syslog: host:port, IP:port or [IPv6]:port. Usual ports are 514, and 6514 for TLS. A name in another script, for example сервер.рф, is converted to its A-label.
form-transport = Data transfer protocol
form-tcp = TCP
form-tcp-help = The receiver's system acknowledges what arrives; the rest is sent again. Not encrypted.
form-udp = UDP
form-udp-help = Nothing confirms that a message arrived, so losses cannot be seen. Not encrypted.
form-tls = TCP over TLS
form-tls-help = As TCP, but encrypted, and the receiver proves who it is.
form-relp = RELP
form-relp-help = The receiver's program itself answers every message (rsyslog's imrelp). Not encrypted.
form-relp-tls = RELP over TLS
form-relp-tls-help = As RELP, but encrypted, and the receiver proves who it is.

form-tls-part = TLS
form-tls-part-help = Whom to trust, and how we show who we are.
form-only-tls = Only with TLS.
form-pem = TLS key
form-pem-help = Any mix in PEM format: CA certificates that the receiver's certificate comes from, our client certificate with its chain and its private key. Leave it empty to trust the system's certificate authorities.
form-pem-file = Choose files…
form-pem-again = Paste the TLS key again. It was read, but it is never sent back to a browser.
form-pem-stored = Stored TLS key
form-pem-replace = Add new key
form-pem-remove = Remove the stored key
form-key-present = Private key: present, never shown again
form-trust-system = No CA certificate in it: with full verification, the system's certificate authorities are trusted.
form-trust-ca = With full verification, only receivers whose certificate comes from these certificate authorities are trusted.
form-trust-pinned = With full verification, only the receiver with exactly this certificate is trusted.
form-trust-both = With full verification, receivers with exactly the pinned certificate, or one from these certificate authorities, are trusted.
form-role-ca = CA
form-role-ca-help = Receivers whose certificate it issued are trusted.
form-role-client = client
form-role-client-help = Ours: sent when the receiver asks for a client certificate.
form-role-pinned = pinned
form-role-pinned-help = The receiver's own certificate: exactly this one is trusted.
form-certificate-issuer = Issued by
form-certificate-names = Names
form-certificate-no-names = none
form-certificate-valid = Valid
form-certificate-ending = ends { $when }
form-certificate-expired = expired { $when }
form-certificate-not-yet = valid { $when }
form-verify = Verification of the receiver
form-verify-full = Full
form-verify-full-help = Certificate authority, name and validity must be right. Recommended.
form-verify-fingerprint = By fingerprint
form-verify-fingerprint-help = Exactly one certificate is taken, whoever issued it. For self-signed receivers.
form-verify-off = Off
form-verify-off-help = Encrypted, but to anyone who answers. The connection is shown as unverified for ever.
form-verify-off-confirm = I understand that anyone in between could read and change the events
form-fingerprint = SHA-256 fingerprint
form-fingerprint-help = Of the receiver's certificate, 64 hex digits: openssl x509 -in cert.pem -noout -fingerprint -sha256
form-server-name = Expected server name
form-server-name-help = The DNS name or IP address that the certificate must carry, when it is not the host of the connection point.
form-server-name-hint = the host of the connection point
form-min-version = Lowest TLS version
form-min-version-12 = TLS 1.2
form-min-version-13 = TLS 1.3

form-messages = Messages
form-messages-help = What an event looks like when it arrives.
form-format = Message format
form-raw = RAW (Syslog RFC5424)
form-raw-help = A standard syslog message with all fields of the event as JSON. Right for rsyslog, syslog-ng, Splunk, Elastic, Graylog.
form-cef = CEF (Common Event Format)
form-cef-help = Keys and values that ArcSight, KUMA, QRadar, MaxPatrol SIEM and others read without a parser of your own.
form-leef = LEEF 2.0 (Log Event Extended Format)
form-leef-help = IBM’s keys and values for QRadar, which recognises them by itself.
form-json = JSON
form-json-help = One JSON object per message, exact and complete, without a syslog header. For collectors that read JSON lines.
form-options = Format options
form-options-default = all by default
form-options-changed = { $n ->
    [one] { $count } changed
   *[other] { $count } changed
}
form-framing = Framing
form-framing-fitting = Automatic
form-framing-lf = One message per line (LF)
form-framing-counted = Octet counting (RFC 6587)
form-framing-help = Where one message ends and the next begins. Automatic: octet counting for RAW over TLS, else one message per line.
form-not-udp = Only with TCP and TCP over TLS.
form-cef-envelope = CEF envelope
form-envelope-rfc5424 = Syslog RFC 5424 header
form-envelope-bsd = Old syslog header (RFC 3164)
form-envelope-none = None, only CEF
form-cef-envelope-help = What stands before CEF:0. If the SIEM does not recognise the messages, try the old header.
form-only-cef = Only with CEF.
form-not-json = Not with JSON.
form-facility = Facility
form-facility-help = By default { $default }, the one for audit logs. SIEM rules may sort by it.
form-hostname = Host name
form-hostname-help = HOSTNAME of each message. By default the name of the host that Auditwire runs on.
form-app-name = Application name
form-app-name-help = APP-NAME of each message, up to 48 visible ASCII characters.
form-max-bytes = Maximum message size, bytes
form-max-bytes-help = { $min } to { $max }, with UDP up to { $udpmax }. By default { $default }, with UDP { $udp }. What is longer has its longest values cut and says so.
form-pen = Enterprise number
form-pen-help = The private enterprise number in the SD-ID audit@number of RFC 5424 messages. By default the one for examples.
form-heartbeat = Heartbeat, seconds
form-heartbeat-help = While the connection is active, an event siem-heartbeat with counters is sent every so many seconds, whatever the filter says: a rule of the SIEM can notice when it stays away. 30 to 86400; empty: none.
form-order = After an outage
form-order-strict = The oldest events first
form-order-live-first = Fresh events first, the backlog beside them
form-order-help = Fresh events first: when events have waited for over a minute, what comes from then on goes over a second link, and the SIEM sees it at once. Each of the two keeps its order.
form-overlap-seconds = Overlap in time, seconds
form-overlap-seconds-help = For receivers behind a proxy or load balancer, which acknowledges for itself: what was acknowledged within so many seconds is sent again whenever a link ends. 1 to 86400; empty: not used.
form-overlap = Overlap after a break
form-overlap-help = How much of what was sent last is sent again at most when a link breaks, { $min } to { $max }. More is safer; the SIEM drops duplicates by event_id.
form-bom = Byte order mark before the message
form-bom-help = As RFC 5424 asks for UTF-8. Most receivers trip over it, so it is off by default.

form-filters = Filtering
form-filters-help = Which events of this project are sent. Nothing is deleted from the Event log.
form-filter = Message filtering
form-filter-none = Disabled
form-filter-none-help = All events are sent.
form-filter-general = General filters
form-filter-general-help = By status and by source. An event is sent when it passes both.
form-filter-query = Query filter
form-filter-query-help = By an expression of the search language. An event is sent when it matches.
form-only-query = Only with a query filter.
form-query = Query
form-query-help = Parameters, operators and values as in the search line of the Event log; times are dates, not counted from now.
form-query-repair = Correct it
form-wrong-no-query = Enter a query, or choose another kind of filtering.
form-only-general = Only with general filters.
form-mode-off = Disabled
form-mode-only = Send only selected
form-mode-except = Send all except
form-status = Status
form-outcome-success = Success
form-outcome-failure = Failure
form-outcome-unknown = Unknown
form-status-more = Codes and classes
form-status-more-help = Exact codes such as 403, classes such as 5xx, separated by commas.
form-source = Source
form-source-names = Sources
form-source-more = Other sources
form-source-more-help = Names of services as in the column Source, separated by commas.
form-meaning = As a search expression
form-meaning-saved = It is worked out when you save.
form-everything = All events are sent.
form-filter-incomplete = Choose at least one value.
form-query-unwritten = Write a query, or build it from rows.

# What a filter would do, and rows that write a query.
form-builder = Build it from rows
form-builder-help = All rows must hold. An empty parameter leaves its row out.
form-builder-no-rows = This query is more than comparisons joined by AND. Edit its text.
form-build = Write the query
form-row-field = Parameter, row { $n }
form-row-op = Comparison, row { $n }
form-row-value = Value, row { $n }
form-op-equal = is
form-op-not-equal = is not
form-op-contains = contains
form-op-greater = greater than
form-op-greater-or-equal = at least
form-op-less = less than
form-op-less-or-equal = at most
form-op-exist = is present
form-preview = Preview
form-preview-help = Counts the last 24 hours and shows the latest messages. Nothing is sent or stored.
form-preview-sends = { $n ->
    [one] { $count } of { $total } events of the last 24 hours would be sent
   *[other] { $count } of { $total } events of the last 24 hours would be sent
}
form-preview-sends-partial = { $n ->
    [one] At least { $count } of { $total } events of the last 24 hours would be sent; counting stopped early
   *[other] At least { $count } of { $total } events of the last 24 hours would be sent; counting stopped early
}
form-preview-none = No event in the log matches, so there is no message to show.
form-preview-latest = The latest messages, byte by byte; what cannot be seen is shown as its code:
form-preview-bytes = { $n ->
    [one] { $count } byte
   *[other] { $count } bytes
}
form-preview-truncated = cut to fit

form-pace = Pace
form-pace-help = For receivers that cannot keep up.
form-rate-limit = Events per second
form-rate-limit-help = Empty: as fast as the receiver takes them; with UDP { $udp }.
form-no-limit = no limit

form-create = Create and check
form-create-help = Stored as inactive first. The check sends one test message; then you decide whether to activate.
form-save-check = Save and check
form-save-only = Save
form-save-help = It stays inactive until you activate it.
form-save-keep = Save and keep active
form-save-inactive = Save as inactive
form-save-active-help = Kept active, it goes on with the new settings where it is now, without a gap.
form-cancel = Cancel

form-unreachable = The service does not answer. Nothing you entered is lost; try again in a moment.
form-signed-out = You are signed out. Sign in again in another tab, then come back and send this form; nothing you entered is lost.
form-stale = Somebody else changed this connection meanwhile
form-stale-help = Your input is kept below and nothing is saved yet. If you save again, it replaces what is stored now. These fields differ:
form-stale-same = Your input is kept below and nothing is saved yet. What is stored now does not differ from it, except perhaps in the TLS key.
form-stale-field = Field
form-stale-stored = Stored now
form-stale-entered = Your input
form-stale-discard = Discard my input and show what is stored
form-stopped-not-saved = The connection was stopped, but your changes are not saved yet.

form-wrong-name = Enter a name of 1 to 128 characters.
form-wrong-name-taken = Another connection of this project has this name. Choose a different one.
form-wrong-values = Choose or enter at least one value. At most 256 are possible, each up to 256 bytes.
form-wrong-unconfirmed = Confirm this, or choose another verification.
form-wrong-pem-expected = The TLS key was not pasted again. Paste it, or send the form once more to go on without it.
form-wrong-sent-before = A connection was created from this form before; it is in the list. To create one more, send the form again.
form-wrong-missing = Choose a value.

notice-connection-created = Connection { $name } is created. It is inactive.
notice-connection-saved = Connection { $name } is saved.
notice-connection-saved-inactive = Connection { $name } is saved and inactive.
notice-connection-saved-unchecked = Connection { $name } is saved. Its check could not begin just now, because others are running; begin it here in a minute.

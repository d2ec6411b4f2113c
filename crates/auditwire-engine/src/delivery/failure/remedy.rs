//! The one table of codes and what to do about each; `docs/connection-check.md` says the same at length.

/// Every code of the connection check (product section 9), in the order of the stages.
pub const CODES: [&str; 38] = {
    let mut codes = [""; 38];
    let mut i = 0;
    while i < codes.len() {
        codes[i] = TABLE[i].0;
        i += 1;
    }
    codes
};

/// The code of a defect of this program.
pub const INTERNAL: &str = "internal";

/// What to do about `code`; empty for `ok` and for what is not a code.
pub(super) fn of(code: &str) -> &'static str {
    TABLE.iter().find(|(c, _)| *c == code).map_or("", |(_, remedy)| remedy)
}

const TABLE: [(&str, &str); 38] = [
    ("ok", ""),
    (
        "address_forbidden",
        "Use the address of a SIEM in your own network. If this is the right one, ask the operator of Auditwire to put its network on the allow list.",
    ),
    (
        "name_not_found",
        "Check the spelling of the host name. If it is right, create the DNS record, or enter the IP address instead.",
    ),
    (
        "name_server_failed",
        "The DNS server did not answer, so nothing is known about the name. Try again in a minute; if it stays, ask the operator to check the name servers, or enter the IP address.",
    ),
    (
        "connect_refused",
        "Check the port number, and that the SIEM's syslog input is started and listens on this address for TCP. A firewall that rejects looks the same.",
    ),
    (
        "connect_timeout",
        "A firewall drops the packets, or the host is off. Allow TCP from Auditwire to this address and port, and check that the host is up and its input still accepts connections.",
    ),
    (
        "host_unreachable",
        "There is no route to this host. Check the address, and the routing and security groups between Auditwire and the SIEM.",
    ),
    (
        "not_permitted",
        "This is no fault of the network or the receiver: a firewall or a sandbox (SELinux, AppArmor, seccomp, IPAddressDeny= of the unit) on Auditwire's own machine forbids the connection. Ask its operator to allow it.",
    ),
    (
        "no_descriptors",
        "This is no fault of the network or the receiver: Auditwire, or its machine, has no file descriptors left. Ask the operator of Auditwire to raise the limit (LimitNOFILE= of the unit, ulimit -n, --ulimit nofile= of a container; fs.file-max of the machine).",
    ),
    (
        "no_resources",
        "This is no fault of the receiver: Auditwire's own machine has no memory or no free port left for connections. Ask its operator to see what uses them up (ss -s, net.ipv4.tcp_mem, net.ipv4.ip_local_port_range).",
    ),
    ("tls_expected", "This port speaks TLS: choose the protocol 'TCP over TLS', or the SIEM's plain TCP port."),
    ("plain_expected", "This port does not speak TLS: choose the protocol 'TCP', or the SIEM's TLS port (often 6514)."),
    (
        "tls_timeout",
        "The port accepts connections but does not answer the TLS greeting. Check that the SIEM's TLS input is started and not overloaded; restart the input if it hangs.",
    ),
    (
        "tls_version",
        "Let the SIEM speak TLS 1.2 or newer. If this connection asks for 1.3, set its minimum version to 1.2.",
    ),
    (
        "tls_cipher",
        "Allow one of the modern cipher suites at the SIEM, for example TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, or TLS 1.3.",
    ),
    (
        "tls_broken",
        "TLS had worked on this connection and was then broken off; another one is made. If that happens again and again: see the SIEM's log, switch TLS renegotiation off there, and look for a firewall that inspects TLS.",
    ),
    (
        "cert_expired",
        "Renew the SIEM's certificate. Until then the verification 'fingerprint' accepts exactly this certificate regardless of its dates.",
    ),
    (
        "cert_not_yet_valid",
        "Check the clocks of the SIEM and of Auditwire. If both are right, wait until the certificate's first day, or issue it anew.",
    ),
    (
        "cert_self_signed",
        "If this is really your SIEM (compare the fingerprint with the SIEM's own), set the verification to 'fingerprint' with this value, or paste the certificate into the TLS key.",
    ),
    (
        "cert_unknown_ca",
        "Paste the certificate of the CA that issued the SIEM's certificate into the TLS key, and let the SIEM send its intermediate certificates.",
    ),
    (
        "cert_wrong_name",
        "Enter one of the certificate's names as the connection point or as the expected server name, or issue a certificate that has this name as a subject alternative name.",
    ),
    (
        "cert_no_ip_san",
        "The certificate carries no IP address. Enter the host name instead of the address, or set the expected server name to one of the certificate's names.",
    ),
    (
        "cert_ca_as_leaf",
        "The SIEM presents a CA certificate as its own. Give it a certificate issued for a server, or set the verification to 'fingerprint' with this value.",
    ),
    (
        "cert_unsupported",
        "Issue an X.509 version 3 server certificate with an RSA key of at least 2048 bits or an ECDSA P-256/P-384 key, signed with SHA-256 or better.",
    ),
    (
        "cert_fingerprint_mismatch",
        "If the SIEM's certificate was renewed, compare the new fingerprint with the SIEM's own and enter it. If not, someone may be in between: do not continue.",
    ),
    (
        "client_cert_required",
        "Add a client certificate with its private key to the TLS key, issued by a CA that the SIEM trusts.",
    ),
    (
        "client_cert_refused",
        "Check at the SIEM that it trusts the CA of this client certificate, and that the certificate's name is on its list of allowed senders.",
    ),
    ("client_cert_expired", "Issue a new client certificate and paste it with its key as the TLS key."),
    (
        "key_mismatch",
        "A private key and a certificate do not belong together. Use the key that the certificate was issued for.",
    ),
    (
        "closed_at_once",
        "The SIEM accepts the connection and drops it at once. Add the address of Auditwire to the SIEM's list of allowed senders, and check its limit of connections.",
    ),
    (
        "closed_after_message",
        "The SIEM closed the connection after the test message. Check its log: often the message format, the size or the framing does not fit the input.",
    ),
    (
        "reset_after_message",
        "The SIEM or a firewall reset the connection after the test message. Check the SIEM's log, and any firewall that inspects the traffic.",
    ),
    (
        "framing_refused",
        "The SIEM's input separates messages in another way. Over TCP and TLS change the framing of this connection (octet counting or LF); over RELP enter the port of a RELP input, or choose TCP or TLS.",
    ),
    (
        "not_acknowledged",
        "The SIEM accepts connections but does not read what is sent. Check that its input is not paused, blocked or overloaded; restart the input if it hangs.",
    ),
    (
        "message_too_long",
        "Lower the maximum message size of this connection, or choose TCP or TLS, which carry messages of any length.",
    ),
    (
        "udp_port_closed",
        "Nothing listens on this UDP port. Check the port number, and that the SIEM's UDP input is started.",
    ),
    (
        "udp_unconfirmed",
        "UDP cannot confirm. Look for the event 'siem-connection-test' in the SIEM; use TCP or TLS if nothing may be lost.",
    ),
    (
        INTERNAL,
        "A defect of Auditwire was met; nothing is lost, and it goes on by itself. Tell the operator of Auditwire: the service's log says where it happened.",
    ),
];

//! What to do when a webhook cannot be called. A link's remedies speak of a SIEM and its settings; these of a receiver over HTTPS.

use crate::delivery::failure::LinkFailure;

/// The same failure with what to do about it at a webhook. A code without a remedy here keeps its own.
pub(super) fn at_webhook(failure: LinkFailure) -> LinkFailure {
    match REMEDIES.iter().find(|(code, _)| *code == failure.code) {
        Some((_, remedy)) => LinkFailure { remedy: (*remedy).to_owned(), ..failure },
        None => failure,
    }
}

/// By code.
pub(super) const REMEDIES: [(&str, &str); 15] = [
    (
        "address_forbidden",
        "Use an address in your own network. If this is the right one, ask the operator of Auditwire to put its network on the allow list.",
    ),
    (
        "connect_refused",
        "Check the port of the address, and that the receiver is started and listens there. A firewall that rejects looks the same.",
    ),
    (
        "host_unreachable",
        "There is no route to this host. Check the address, and the routing and security groups between Auditwire and the receiver.",
    ),
    ("plain_expected", "This port does not speak TLS: enter the address of the receiver's HTTPS port (often 443)."),
    (
        "tls_timeout",
        "The port accepts connections but does not answer the TLS greeting. Check that HTTPS is served there, and that the receiver is not overloaded.",
    ),
    ("tls_version", "Let the receiver speak TLS 1.2 or newer."),
    (
        "tls_cipher",
        "Allow one of the modern cipher suites at the receiver, for example TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, or TLS 1.3.",
    ),
    ("cert_expired", "Renew the receiver's certificate."),
    (
        "cert_not_yet_valid",
        "Check the clocks of the receiver and of Auditwire. If both are right, wait until the certificate's first day, or issue it anew.",
    ),
    (
        "cert_self_signed",
        "Give the receiver a certificate that a certification authority issued, and the authority's certificate to the webhook if the system does not know it.",
    ),
    (
        "cert_unknown_ca",
        "Give the certificate of the CA that issued the receiver's certificate to the webhook, and let the receiver send its intermediate certificates.",
    ),
    (
        "cert_wrong_name",
        "Enter an address with one of the certificate's names, or issue a certificate that has this name as a subject alternative name.",
    ),
    ("cert_no_ip_san", "The certificate carries no IP address. Enter the host name instead of the address."),
    (
        "cert_ca_as_leaf",
        "The receiver presents a CA certificate as its own. Give it a certificate issued for a server.",
    ),
    ("client_cert_required", "A webhook shows no client certificate: let the receiver verify the signature instead."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::failure::CODES;

    #[test]
    fn each_is_of_a_known_code_and_speaks_of_no_siem() {
        for (code, remedy) in REMEDIES {
            assert!(CODES.contains(&code), "{code}");
            assert!(!remedy.contains("SIEM"), "{code}");
            assert_eq!(at_webhook(LinkFailure::new(code, "seen")).remedy, remedy);
        }
        assert_eq!(at_webhook(LinkFailure::new("name_not_found", "")), LinkFailure::new("name_not_found", ""));
    }
}

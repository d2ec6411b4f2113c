//! What rustls says, told apart: in the handshake, and on a link that had worked.

use rustls::{AlertDescription, Error, InvalidMessage, PeerIncompatible, PeerMisbehaved};

use super::LinkFailure;
use crate::delivery::tls::{CertProblem, ClientAuth};

/// Why there was no handshake.
pub(super) fn in_handshake(error: &Error, client: ClientAuth) -> LinkFailure {
    match error {
        Error::InvalidCertificate(problem) => {
            let CertProblem { code, message, case } = CertProblem::of(problem);
            match case {
                Some(case) => LinkFailure::of_case(case, message),
                None => LinkFailure::new(code, message),
            }
        }
        Error::AlertReceived(alert) => from_alert(*alert, client),
        Error::PeerIncompatible(what) => from_incompatible(what),
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            LinkFailure::new("plain_expected", "The receiver answered the TLS greeting with something that is not TLS.")
        }
        Error::NoCertificatesPresented => LinkFailure::new("cert_unsupported", "The server sent no certificate."),
        other => LinkFailure::new("tls_cipher", format!("The TLS handshake broke off: {}.", what(other))),
    }
}

/// Why TLS ended although it had worked.
pub(super) fn broken(error: &Error) -> LinkFailure {
    let seen = match error {
        Error::AlertReceived(alert) => {
            format!("The receiver broke TLS off after messages had been acknowledged (alert {}).", name(*alert))
        }
        Error::PeerMisbehaved(PeerMisbehaved::TooManyRenegotiationRequests) => {
            "The receiver asks again and again for a new TLS handshake on the link (renegotiation), which Auditwire does not do."
                .to_owned()
        }
        other => format!("TLS broke off after messages had been acknowledged: {}.", what(other)),
    };
    LinkFailure::new("tls_broken", seen)
}

/// In words: those of the library are for its developers.
fn what(error: &Error) -> &'static str {
    match error {
        Error::DecryptError => "what came could not be decrypted",
        Error::InvalidMessage(_) | Error::PeerSentOversizedRecord => "what came is not TLS",
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            "the server said what does not belong there"
        }
        Error::PeerMisbehaved(_) => "the server does not keep to the rules of TLS",
        Error::EncryptError => "nothing could be encrypted",
        Error::FailedToGetCurrentTime => "the time is not known",
        Error::FailedToGetRandomBytes => "the system gives no random numbers",
        _ => "something is wrong with the server's TLS",
    }
}

/// An alert as RFC 8446 (section 6) spells it, with its number.
fn name(alert: AlertDescription) -> String {
    let number = u8::from(alert);
    let mut spelled = String::new();
    let camel = alert.as_str().unwrap_or_default();
    let mut after_small = false;
    for c in camel.chars() {
        if c.is_ascii_uppercase() && after_small {
            spelled.push('_');
        }
        after_small = c.is_ascii_lowercase();
        spelled.push(c.to_ascii_lowercase());
    }
    if spelled.is_empty() { number.to_string() } else { format!("{spelled}, {number}") }
}

fn from_alert(alert: AlertDescription, client: ClientAuth) -> LinkFailure {
    use AlertDescription as A;
    match alert {
        A::ProtocolVersion => {
            LinkFailure::new("tls_version", "The server speaks none of the TLS versions that this connection allows.")
        }
        A::UnrecognisedName => LinkFailure::new(
            "cert_wrong_name",
            "The server does not know the name it was asked for, and sent no certificate.",
        ),
        A::CertificateExpired if client.presented => client.expired(),
        A::CertificateRequired
        | A::BadCertificate
        | A::UnknownCA
        | A::CertificateUnknown
        | A::UnsupportedCertificate
        | A::CertificateRevoked
        | A::CertificateExpired
        | A::NoCertificate
        | A::AccessDenied
        | A::DecryptError => client.required(&format!("alert {}", name(alert))),
        A::HandshakeFailure if client.requested => client.required(&format!("alert {}", name(alert))),
        A::HandshakeFailure | A::InsufficientSecurity => {
            LinkFailure::new("tls_cipher", format!("The server found no cipher it likes (alert {}).", name(alert)))
        }
        other => {
            LinkFailure::new("tls_cipher", format!("The server broke off the TLS handshake (alert {}).", name(other)))
        }
    }
}

impl ClientAuth {
    /// The server let us go because of the client certificate; `how` it told.
    pub(crate) fn required(self, how: &str) -> LinkFailure {
        if !self.presented {
            return LinkFailure::new(
                "client_cert_required",
                format!("The server asks for a client certificate and this connection has none ({how})."),
            );
        }
        if self.expired {
            return self.expired();
        }
        LinkFailure::new(
            "client_cert_refused",
            format!("The server does not accept this connection's client certificate ({how})."),
        )
    }

    fn expired(self) -> LinkFailure {
        LinkFailure::new("client_cert_expired", "The server refuses the client certificate because it has expired.")
    }
}

fn from_incompatible(what: &PeerIncompatible) -> LinkFailure {
    use PeerIncompatible as P;
    match what {
        P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::SupportedVersionsExtensionRequired
        | P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled => LinkFailure::new(
            "tls_version",
            "The server speaks only TLS versions that are older than this connection allows.",
        ),
        _ => LinkFailure::new("tls_cipher", "The server and Auditwire have no cipher in common."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_spelled_as_in_the_standard() {
        assert_eq!(name(AlertDescription::HandshakeFailure), "handshake_failure, 40");
        assert_eq!(name(AlertDescription::UnknownCA), "unknown_ca, 48");
        assert_eq!(name(AlertDescription::Unknown(99)), "99");
    }

    #[test]
    fn after_an_acknowledgement_no_alert_is_the_handshakes() {
        use AlertDescription as A;
        for alert in [A::HandshakeFailure, A::BadCertificate, A::CertificateRequired, A::UnknownCA, A::InternalError] {
            let failure = broken(&Error::AlertReceived(alert));
            assert_eq!(failure.code, "tls_broken");
            assert!(failure.message.contains(&name(alert)), "{failure}");
        }
        let again = broken(&Error::PeerMisbehaved(PeerMisbehaved::TooManyRenegotiationRequests));
        assert!(again.code == "tls_broken" && again.message.contains("renegotiation"), "{again}");
        assert!(
            !in_handshake(&Error::PeerMisbehaved(PeerMisbehaved::TooManyEmptyFragments), ClientAuth::default())
                .message
                .contains("TooMany")
        );
    }
}

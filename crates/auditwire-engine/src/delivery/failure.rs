//! Why a link cannot be made or has ended: a stable code for programs, what was seen for people, and what to do.
//!
//! The connection check and the senders use the same codes (product section 9), so the cause that a failing
//! connection shows is explained by the same words as the check (`docs/connection-check.md`).

mod case;
mod remedy;

use std::error::Error;
use std::fmt;
use std::io;

use rustls::{AlertDescription, InvalidMessage, PeerIncompatible};

use super::guard;
use super::link::LinkError;
use super::tls::{CertProblem, ClientAuth};
use crate::tasks::Panicked;

pub use case::Case;
pub use remedy::{CODES, INTERNAL};

/// A link that could not be made, or that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkFailure {
    /// One of [`CODES`].
    pub code: &'static str,
    /// What was seen. Never names the address that a name resolved to, never holds a secret.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl LinkFailure {
    /// A failure with the code's own remedy.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), remedy: remedy::of(code).to_owned() }
    }

    /// A failure with the remedy of a special case of its code.
    #[must_use]
    pub fn of_case(case: Case, message: impl Into<String>) -> Self {
        Self { remedy: case.remedy().to_owned(), ..Self::new(case.code(), message) }
    }

    /// A defect of this program was met; what it was is in the log only.
    #[must_use]
    pub fn of_defect(panicked: Panicked) -> Self {
        Self::new(INTERNAL, format!("Auditwire broke off: {panicked}."))
    }

    /// A TCP connect (or the connect of a datagram socket) that failed.
    #[must_use]
    pub fn from_connect(error: &io::Error) -> Self {
        use io::ErrorKind as K;
        match error.kind() {
            K::ConnectionRefused | K::ConnectionReset | K::ConnectionAborted => {
                Self::new("connect_refused", "The host answered that nothing listens on this port.")
            }
            K::TimedOut | K::WouldBlock => Self::new("connect_timeout", "The host did not answer the connect."),
            _ => Self::new("host_unreachable", format!("There is no way to this host: {}.", plain(error))),
        }
    }

    /// An established link that ended while it was read or written.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Self {
        use io::ErrorKind as K;
        if let Some(tls) = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
            return Self::from_tls(tls, ClientAuth::default());
        }
        match error.kind() {
            K::ConnectionReset | K::ConnectionAborted => {
                Self::new("reset_after_message", "The receiver reset the connection.")
            }
            K::BrokenPipe | K::UnexpectedEof => {
                Self::new("closed_after_message", "The receiver closed the connection.")
            }
            K::TimedOut => Self::new("not_acknowledged", "The receiver's host stopped answering."),
            K::ConnectionRefused => {
                Self::new("udp_port_closed", "The host answered that nothing listens on this UDP port.")
            }
            _ => Self::new("host_unreachable", format!("The connection broke: {}.", plain(error))),
        }
    }

    /// What ended a link, or kept it from being made.
    #[must_use]
    pub(crate) fn from_link(error: &LinkError, client: ClientAuth) -> Self {
        // Some servers (syslog-ng among them) drop a client without a certificate and send no alert.
        let unasked = client.requested && !client.presented;
        match error {
            LinkError::Forbidden => guard::forbidden(),
            LinkError::ConnectTimeout => Self::from_connect(&io::ErrorKind::TimedOut.into()),
            LinkError::Connect(error) => Self::from_connect(error),
            LinkError::TlsTimeout => Self::new("tls_timeout", "The receiver did not answer the TLS greeting."),
            LinkError::Tls(error) => Self::from_tls(error, client),
            LinkError::TlsClosed | LinkError::Closed if unasked => client.required("none: the connection was dropped"),
            LinkError::Io(error) if unasked && is_break(error) => client.required("none: the connection was dropped"),
            LinkError::TlsClosed => {
                Self::new("closed_at_once", "The receiver closed the connection during the TLS handshake.")
            }
            LinkError::Io(error) => Self::from_io(error),
            LinkError::Closed => Self::from_io(&io::ErrorKind::UnexpectedEof.into()),
            LinkError::NotRelp(why) => {
                Self::new("framing_refused", format!("The receiver does not speak RELP: {why}."))
            }
            LinkError::RelpRefused(why) => {
                Self::new("not_acknowledged", format!("The receiver refused over RELP, in its own words: {why}"))
            }
            LinkError::Dead => Self::from_io(&io::ErrorKind::TimedOut.into()),
        }
    }

    /// What rustls says, told apart. `client` says whether the server asked for a client certificate and got one,
    /// because the alerts alone do not tell "required" from "refused".
    #[must_use]
    pub fn from_tls(error: &rustls::Error, client: ClientAuth) -> Self {
        use rustls::Error as E;
        match error {
            E::InvalidCertificate(problem) => {
                let CertProblem { code, message, case } = CertProblem::of(problem);
                match case {
                    Some(case) => Self::of_case(case, message),
                    None => Self::new(code, message),
                }
            }
            E::AlertReceived(alert) => from_alert(*alert, client),
            E::PeerIncompatible(what) => from_incompatible(what),
            E::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
                Self::new("plain_expected", "The receiver answered the TLS greeting with something that is not TLS.")
            }
            E::NoCertificatesPresented => Self::new("cert_unsupported", "The server sent no certificate."),
            other => Self::new("tls_cipher", format!("The TLS handshake broke off: {other}.")),
        }
    }
}

impl fmt::Display for LinkFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl Error for LinkFailure {}

fn is_break(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(error.kind(), K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::UnexpectedEof)
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
        A::CertificateRequired => client.required(alert),
        A::CertificateExpired if client.presented => client.expired(),
        A::BadCertificate
        | A::UnknownCA
        | A::CertificateUnknown
        | A::UnsupportedCertificate
        | A::CertificateRevoked
        | A::CertificateExpired
        | A::NoCertificate
        | A::AccessDenied
        | A::DecryptError => client.required(alert),
        A::HandshakeFailure if client.requested => client.required(alert),
        A::HandshakeFailure | A::InsufficientSecurity => {
            LinkFailure::new("tls_cipher", format!("The server found no cipher it likes (alert {alert:?})."))
        }
        other => LinkFailure::new("tls_cipher", format!("The server broke off the TLS handshake (alert {other:?}).")),
    }
}

impl ClientAuth {
    /// The server let us go because of the client certificate.
    pub(crate) fn required(self, alert: impl fmt::Debug) -> LinkFailure {
        if !self.presented {
            return LinkFailure::new(
                "client_cert_required",
                format!("The server asks for a client certificate and this connection has none (alert {alert:?})."),
            );
        }
        if self.expired {
            return self.expired();
        }
        LinkFailure::new(
            "client_cert_refused",
            format!("The server does not accept this connection's client certificate (alert {alert:?})."),
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
        other => {
            LinkFailure::new("tls_cipher", format!("The server and Auditwire have no cipher in common ({other:?})."))
        }
    }
}

/// The operating system's own words, without the number and without any address.
fn plain(error: &io::Error) -> String {
    use io::ErrorKind as K;
    match error.kind() {
        K::HostUnreachable => "no route to the host".to_owned(),
        K::NetworkUnreachable | K::NetworkDown => "the network is unreachable".to_owned(),
        K::AddrNotAvailable => "this machine has no address of that family".to_owned(),
        K::PermissionDenied => "a firewall on this machine forbids it".to_owned(),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests;

//! A connection as a client sends it, before it is checked.

use serde::Deserialize;

/// The body of create, update and check. Fields that the API adds to its answers are taken and ignored, so that an
/// answer can be edited and sent back.
#[derive(Debug, Clone, Deserialize)]
pub struct ConnectionInput {
    /// See [`auditwire_model::connection::ConnectionSpec`].
    pub name: String,
    /// TLS settings with the PEM.
    #[serde(default)]
    pub tls: Option<TlsInput>,
}

/// TLS settings as sent.
#[derive(Clone, Deserialize)]
pub struct TlsInput {
    /// Absent keeps what is stored, `null` removes it.
    #[serde(default)]
    pub pem: Option<Option<String>>,
}

impl std::fmt::Debug for TlsInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsInput")
    }
}

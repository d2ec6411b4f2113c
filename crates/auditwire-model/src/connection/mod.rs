//! A SIEM connection as people configure it (product section 9), checked and normalised.
//!
//! A *connection* is a configured destination; a live socket is a *link* (delivery). [`ConnectionSpec`] is what a
//! client sends and what is stored, apart from the key material, which travels beside it and is stored sealed.

mod certificate_time;
mod dns_name;
mod endpoint;
mod filter;
mod metadata_key;
mod options;
mod receiver;

use serde::{Deserialize, Serialize};

pub use certificate_time::CertificateTime;
pub use endpoint::{Endpoint, Host, InvalidEndpoint};
pub use filter::{Filter, FilterKind, Selection, SelectionMode};
pub use metadata_key::{InvalidMetadataKey, MetadataKey, MetadataOf};
pub use options::{CefEnvelope, LeefCategory, METADATA_KEYS_MAX, Mapping, MessagePart, Options, Order, StructuredData};
pub use receiver::{Preset, Receiver, Warning, warnings};

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Plain TCP.
    Tcp,
    /// Datagrams; never acknowledged.
    Udp,
    /// TLS over TCP (RFC 5425).
    Tls,
    /// RELP: syslog messages that the receiver acknowledges itself (librelp).
    Relp,
    /// RELP in TLS.
    RelpTls,
}

impl Transport {
    /// TLS is spoken, so there are TLS settings.
    #[must_use]
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::RelpTls)
    }

    /// Messages are RELP transactions.
    #[must_use]
    pub const fn is_relp(self) -> bool {
        matches!(self, Self::Relp | Self::RelpTls)
    }

    /// The word in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Tls => "tls",
            Self::Relp => "relp",
            Self::RelpTls => "relp_tls",
        }
    }

    /// Messages need a [`Framing`]: a datagram and a RELP transaction end by themselves.
    #[must_use]
    pub const fn is_framed(self) -> bool {
        matches!(self, Self::Tcp | Self::Tls)
    }
}

/// What a message looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RAW: RFC 5424 with the canonical JSON as its message.
    Rfc5424,
    /// Common Event Format, version 0.
    Cef,
    /// LEEF 2.0 behind an RFC 5424 header.
    Leef,
    /// The canonical JSON of the event with the delivery number, without a header.
    Json,
}

/// Where one message ends in a stream (RFC 6587 section 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// Non-transparent framing, trailer LF.
    Lf,
    /// Octet counting.
    OctetCounting,
}

/// How a TLS peer is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// Chain, names and validity.
    #[default]
    Full,
    /// SHA-256 of the leaf; the handshake signature is still verified.
    Fingerprint,
    /// Anyone; the handshake signature is still verified.
    Off,
}

/// Lowest TLS version that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    V1_3,
}

/// TLS settings without key material.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TlsSpec {
    /// The name that the certificate must carry, when it is not the endpoint's host.
    pub server_name: Option<String>,
    /// How the peer is verified.
    pub verify: Verify,
    /// Lower-case hex SHA-256 of the leaf, for [`Verify::Fingerprint`].
    pub fingerprint: Option<String>,
    /// Lowest version spoken.
    pub min_version: TlsVersion,
    /// What the stored PEM holds, to show; the PEM itself is sealed elsewhere.
    pub certificates: Vec<CertificateInfo>,
    /// True when the stored PEM holds a client key.
    pub client_key: bool,
}

/// One certificate of the stored PEM, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateInfo {
    /// What it is used for.
    pub role: CertificateRole,
    /// RFC 4514 text.
    pub subject: String,
    /// RFC 4514 text.
    pub issuer: String,
    /// DNS names and addresses.
    pub names: Vec<String>,
    /// Valid from.
    pub not_before: CertificateTime,
    /// Valid until.
    pub not_after: CertificateTime,
    /// Lower-case hex SHA-256 of the DER.
    pub sha256: String,
}

/// What a certificate is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CertificateRole {
    /// Trusted issuer of the server's certificate.
    Ca,
    /// Ours, sent when the server asks.
    Client,
    /// This exact leaf is trusted.
    Pinned,
}

/// A checked connection without its identity, state and secrets. The endpoint stays as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionSpec {
    /// 1–128 characters, unique in its project.
    pub name: String,
    /// What is at the other end, as far as somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<Receiver>,
    /// `IP:port`, `[IPv6]:port` or `host:port`.
    pub endpoint: Endpoint,
    /// How messages travel.
    pub transport: Transport,
    /// Present exactly where [`Transport::is_tls`].
    pub tls: Option<TlsSpec>,
    /// What a message looks like.
    pub format: Format,
    /// Where one message ends; ignored unless [`Transport::is_framed`].
    pub framing: Framing,
    /// Format options.
    pub options: Options,
    /// Which events are sent.
    pub filter: Filter,
    /// Events per second; `None` = as fast as the peer takes them (UDP: 5,000).
    pub rate_limit: Option<u32>,
}

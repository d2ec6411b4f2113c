//! TLS towards a SIEM: what the PEM of a connection holds ([`PemBundle`]) and how a link is encrypted and its peer
//! verified ([`TlsTarget`]). One provider, passed explicitly; no global default, no session resumption (a resumed
//! session would skip the verification).

mod certificate;
mod client;
#[doc(hidden)]
pub mod foreign;
mod limit;
pub mod pem;
pub(crate) mod roots;
mod verify;

use std::sync::Arc;
use std::time::Duration;

use auditwire_model::Clock;
use auditwire_model::connection::{ConnectionSpec, Host, TlsSpec, TlsVersion};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};

use super::failure::LinkFailure;

pub(crate) use certificate::{describe, server_certificate};
pub use client::ClientAuth;
pub use limit::RecordLimit;
pub use pem::{PemBundle, PemError};
pub use verify::{CertProblem, normalise_fingerprint};

use client::ClientResolver;
use verify::PeerVerifier;

/// Everything a TLS handshake with one peer needs. Make a new one for each handshake: it remembers what the server
/// asked for.
#[derive(Debug, Clone)]
pub struct TlsTarget {
    /// For `rustls::ClientConnection::new`.
    pub config: Arc<ClientConfig>,
    /// The name that the certificate must carry, also sent as SNI when it is a DNS name.
    pub server_name: ServerName<'static>,
    client: Arc<ClientResolver>,
}

impl TlsTarget {
    /// Prepares the handshake that `spec` asks for. Takes the system's roots when they are needed.
    ///
    /// # Errors
    /// `cert_wrong_name` when the expected server name is not a name, `cert_fingerprint_mismatch` when there is nothing
    /// to compare with, `tls_version` when the provider lacks a protocol (a defect).
    pub fn new(spec: &ConnectionSpec, pem: Option<&PemBundle>, clock: &Arc<dyn Clock>) -> Result<Self, LinkFailure> {
        let default = TlsSpec::default();
        Self::to(&spec.endpoint.host, spec.tls.as_ref().unwrap_or(&default), pem, clock)
    }

    /// Prepares a handshake with a host.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub(crate) fn to(
        host: &Host,
        tls: &TlsSpec,
        pem: Option<&PemBundle>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, LinkFailure> {
        let provider = Arc::new(provider());
        let client = Arc::new(ClientResolver::new(pem.and_then(PemBundle::client), clock.now()));
        let verifier = PeerVerifier::new(tls, pem, provider.signature_verification_algorithms)?;
        let config = builder(provider, clock, tls.min_version)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::clone(&client) as _);
        let mut config: ClientConfig = config;
        config.resumption = Resumption::disabled();
        Ok(Self { config: Arc::new(config), server_name: server_name(host, tls)?, client })
    }

    /// What the server asked of us so far.
    #[must_use]
    pub fn client_auth(&self) -> ClientAuth {
        self.client.seen()
    }
}

/// The one provider.
fn provider() -> CryptoProvider {
    #[cfg(test)]
    if let Some(provider) = fixtures::worn_soon() {
        return provider;
    }
    aws_lc_rs::default_provider()
}

type VerifierWanted = rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>;

fn builder(
    provider: Arc<CryptoProvider>,
    clock: &Arc<dyn Clock>,
    min_version: TlsVersion,
) -> Result<VerifierWanted, LinkFailure> {
    let versions: &[&SupportedProtocolVersion] = match min_version {
        TlsVersion::V1_2 => &[&TLS13, &TLS12],
        TlsVersion::V1_3 => &[&TLS13],
    };
    ClientConfig::builder_with_details(provider, Arc::new(ClockTime(Arc::clone(clock))))
        .with_protocol_versions(versions)
        .map_err(|e| LinkFailure::new("tls_version", e.to_string()))
}

fn server_name(host: &Host, tls: &TlsSpec) -> Result<ServerName<'static>, LinkFailure> {
    let name = match (&tls.server_name, host) {
        (Some(name), _) => name.clone(),
        (None, Host::Address(ip)) => return Ok(ServerName::IpAddress((*ip).into())),
        (None, Host::Name(name)) => name.clone(),
    };
    // A trailing dot marks an absolute name in DNS; certificates never carry it.
    let plain = name.strip_suffix('.').unwrap_or(&name).to_owned();
    ServerName::try_from(plain).map_err(|_| {
        LinkFailure::new("cert_wrong_name", format!("'{name}' is not a name that a certificate can carry."))
    })
}

/// The engine's clock as rustls wants it.
#[derive(Debug)]
struct ClockTime(Arc<dyn Clock>);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let nanos = u64::try_from(self.0.now().as_nanos()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_nanos(nanos)))
    }
}

#[cfg(test)]
pub(crate) mod fixtures;

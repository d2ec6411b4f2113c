//! Makes the links of one connection revision: resolves, connects, greets.

use auditwire_model::ProjectId;
use auditwire_model::connection::Transport;

use super::super::Context;
use super::super::failure::LinkFailure;
use super::super::link::{Link, LinkError, connect};
use super::super::resolve::resolve;
use super::super::tls::{PemBundle, TlsTarget};
use super::unusable;
use crate::records::StoredConnection;
use crate::secrets;

/// Makes links.
#[derive(Debug)]
pub(super) struct Connector {
    context: Context,
    project: ProjectId,
    connection: StoredConnection,
    /// Of the present link: explains its errors.
    tls: Option<TlsTarget>,
}

impl Connector {
    pub(super) fn new(context: Context, project: ProjectId, connection: StoredConnection) -> Self {
        Self { context, project, connection, tls: None }
    }

    /// A new link. Every stage has a limit of its own; nothing waits for ever.
    pub(super) async fn connect(&mut self) -> Result<Link, LinkFailure> {
        let spec = &self.connection.spec;
        let guard = &self.context.guard;
        let addresses = resolve(&spec.endpoint, guard).await?;
        let permits = |address| guard.permits(address);
        match spec.transport {
            Transport::Udp => {
                connect::udp(&addresses, permits).await.map(|(l, _)| Link::Udp(l)).map_err(|e| self.explain(&e))
            }
            Transport::Tcp => {
                connect::tcp(&addresses, permits).await.map(|(l, _)| Link::Tcp(l)).map_err(|e| self.explain(&e))
            }
            Transport::Tls => {
                let target = self.target().await?;
                let (config, name) = (target.config.clone(), target.server_name.clone());
                self.tls = Some(target);
                let made = async {
                    let (tcp, _) = connect::tcp(&addresses, permits).await?;
                    let link = connect::tls(tcp, config, name).await?;
                    let (version, cipher) =
                        (link.session().protocol_version(), link.session().negotiated_cipher_suite());
                    tracing::debug!(connection = %self.connection.id, ?version, cipher = ?cipher.map(|c| c.suite()), "TLS is up");
                    Ok(link)
                };
                made.await.map(|l| Link::Tls(Box::new(l))).map_err(|e| self.explain(&e))
            }
            Transport::Relp | Transport::RelpTls => {
                Err(unusable("connect_refused", "This version does not speak RELP; configure another protocol."))
            }
        }
    }

    /// A fresh target for each link, because what the server asks of us belongs to one handshake.
    async fn target(&self) -> Result<TlsTarget, LinkFailure> {
        let (store, keyring) = (&*self.context.store, &self.context.keyring);
        let sealed = secrets::connection_pem(store, keyring, &self.project, self.connection.id.as_str()).await;
        let pem = sealed.map_err(|e| unusable(e.code, e.detail))?;
        let pem = pem.map(|pem| PemBundle::parse(pem.expose())).transpose().map_err(|e| unusable(e.code, e.message))?;
        TlsTarget::new(&self.connection.spec, pem.as_ref(), &self.context.clock)
    }

    /// Why a link could not be made or has ended.
    pub(super) fn explain(&self, error: &LinkError) -> LinkFailure {
        let client = self.tls.as_ref().map(TlsTarget::client_auth).unwrap_or_default();
        LinkFailure::from_link(error, client)
    }
}

//! Links that let a person into the console: the one a start makes while nobody has set a password, and
//! `auditwire sign-in-link` for a lost one.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use auditwire_engine::secrets::Secret;
use auditwire_engine::{Engine, people};
use auditwire_server::sign_in_link;
use clap::Args;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::client::{Client, ClientArgs};
use crate::config::ServerConfig;
use crate::failure::{Failure, Result};
use crate::keys;
use crate::terminal::{self, Screen, escape};

/// Make a link that signs the operator in to the console once, within 30 minutes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  auditwire sign-in-link
  auditwire sign-in-link --json

For a lost password, or when the link of the first start was not used in time. It needs an operator's token, and ends the
link that was made before.")]
pub(crate) struct SignInLinkArgs {
    /// How to reach the service.
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Prints the link alone on stdout, so that it can be passed on.
pub(crate) async fn run(args: SignInLinkArgs) -> Result {
    let made = create(&Client::from_args(&args.client)?).await?;
    if args.client.json {
        return Ok(terminal::json(&made)?);
    }
    let text = |name: &str| escape(made[name].as_str().unwrap_or_default()).into_owned();
    terminal::line(text("url"))?;
    Ok(Screen::aside().say(format!("It signs the operator in once, until {}.", text("expires_at")))?)
}

/// A new link as the service answers it.
///
/// # Errors
/// See [`Client::send`].
pub(crate) async fn create(client: &Client) -> Result<Value> {
    client.post_global(&["sign-in-links"]).await
}

/// Who gets the link of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkFor {
    /// The person at the terminal: the caller shows it.
    Person,
    /// Whoever can read the data directory: `DIR/sign-in.url`, 0600. Output that goes to a file or a journal is read by
    /// more people than that.
    File,
}

/// Makes the operator's account on a first start and, while nobody has set a password, a link. It is the answer when it is
/// for a person. A link file of an earlier start is removed, because its link has ended.
///
/// # Errors
/// When the file cannot be written or the store fails.
pub(crate) async fn offer(engine: &Engine, base: &str, data: &Path, to: LinkFor) -> Result<Option<Secret>> {
    let path = data.join("sign-in.url");
    let mut shown = None;
    let hand_over = |key: &Secret, _| {
        let url = sign_in_link(base, key);
        match to {
            LinkFor::Person => shown = Some(url),
            LinkFor::File => keys::write_private(&path, &Zeroizing::new(format!("{}\n", url.expose_text())))?,
        }
        Ok(())
    };
    let made = people::ensure_operator(engine, hand_over)
        .await
        .map_err(|e| Failure::caused_by(format!("no sign-in link can be made in {}", data.display()), &e))?;
    if made && to == LinkFor::File {
        tracing::info!(path = %path.display(), "made a link to sign in to the console, valid for 30 minutes");
    } else if let Err(error) = std::fs::remove_file(&path)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(%error, path = %path.display(), "a link file of an earlier start could not be removed");
    }
    Ok(shown)
}

/// Where a browser reaches us, as far as we can know, without a slash at the end. Behind a proxy that is the proxy's name.
pub(crate) fn base_url(scheme: &str, local: SocketAddr, server: &ServerConfig) -> String {
    let name = server.hostnames.first();
    if let Some(name) = name.filter(|_| !server.behind_proxy.is_empty()) {
        return format!("https://{name}");
    }
    if !local.ip().is_unspecified() {
        return format!("{scheme}://{local}");
    }
    let port = local.port();
    if let Some(name) = name {
        return format!("{scheme}://{}", name.or_port(Some(port)));
    }
    let loopback = match local.ip() {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
    };
    format!("{scheme}://{}", SocketAddr::new(loopback, port))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;

    use auditwire_engine::Settings;
    use auditwire_engine::secrets::Keyring;
    use auditwire_engine::store::memory::MemoryStore;
    use auditwire_model::access::Origin;

    use super::*;
    use crate::clock::SystemClock;

    const BASE: &str = "http://127.0.0.1:8514";

    #[tokio::test]
    async fn a_link_goes_to_the_person_or_to_a_private_file_until_there_is_a_password() {
        let keyring = Arc::new(Keyring::new(vec![Keyring::generate().unwrap()]));
        let store = Arc::new(MemoryStore::default());
        let engine = Engine::open(
            store,
            auditwire_engine::store::memory::objects(),
            Arc::new(SystemClock),
            keyring,
            Settings::default(),
        )
        .await
        .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sign-in.url");
        let offered = async |to| offer(&engine, BASE, folder.path(), to).await.unwrap();
        let key_of = |url: &str| url.trim().strip_prefix("http://127.0.0.1:8514/sign-in/link?key=").unwrap().to_owned();
        let is_valid = async |url: &str| people::link_is_valid(&engine, &key_of(url)).await.unwrap();

        assert!(offered(LinkFor::File).await.is_none());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let first = std::fs::read_to_string(&file).unwrap();
        assert!(is_valid(&first).await);
        offered(LinkFor::File).await;
        let second = std::fs::read_to_string(&file).unwrap();
        assert!(is_valid(&second).await && !is_valid(&first).await);

        let shown = offered(LinkFor::Person).await.unwrap();
        assert!(!file.exists(), "its link has ended");
        assert!(is_valid(shown.expose_text()).await && !is_valid(&second).await);

        let origin = Origin::new(Ipv4Addr::LOCALHOST, "r-1");
        let session = people::sign_in_with_link(&engine, &key_of(shown.expose_text()), &origin).await.unwrap();
        let secret = session.secret.expose_text();
        let signed_in = people::session(&engine, secret, &origin).await.unwrap().unwrap();
        let password = Secret::new(b"correct horse battery".to_vec());
        people::set_password(&engine, &signed_in, None, &password, secret).await.unwrap();
        std::fs::write(&file, "stale").unwrap();
        assert!(offered(LinkFor::File).await.is_none());
        assert!(!file.exists());
    }

    #[test]
    fn the_base_is_what_a_browser_can_reach() {
        let base = |local: &str, names: &[&str], proxy: bool| {
            let server = ServerConfig {
                listen: local.parse().unwrap(),
                tls: None,
                behind_proxy: if proxy { vec!["10.0.0.0/8".parse().unwrap()] } else { vec![] },
                hostnames: names.iter().map(|name| name.parse().unwrap()).collect(),
                limits: auditwire_server::HttpLimits::default(),
            };
            base_url("http", server.listen, &server)
        };
        assert_eq!(base("127.0.0.1:8514", &[], false), "http://127.0.0.1:8514");
        assert_eq!(base("127.0.0.1:8514", &["audit.example"], false), "http://127.0.0.1:8514");
        assert_eq!(base("0.0.0.0:8514", &["audit.example"], false), "http://audit.example:8514");
        assert_eq!(base("0.0.0.0:8514", &[], true), "http://127.0.0.1:8514");
        assert_eq!(base("[::]:8514", &[], false), "http://[::1]:8514");
        assert_eq!(base("127.0.0.1:8514", &["audit.example"], true), "https://audit.example");
    }
}

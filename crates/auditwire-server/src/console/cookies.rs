//! The console's cookies. Names carry the instance's id, because browsers share cookies between the ports of a host, and two
//! services on one host must not sign each other's visitors out.

use auditwire_engine::secrets::Secret;
use axum::http::{HeaderMap, HeaderValue, header};

use crate::App;
use crate::client::Link;

/// A cookie of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The session's secret.
    Session,
    /// A random text of those who are not signed in, for their forms' tokens.
    Visit,
    /// What the last change did; shown once.
    Notice,
}

/// Set by the script, so that times are right before an account has chosen a zone. Without it they are UTC.
const ZONE: &str = "auditwire_zone";

/// Reads and writes cookies of one request.
#[derive(Debug, Clone)]
pub(crate) struct Cookies {
    pairs: Vec<(String, String)>,
    instance: String,
    secure: bool,
}

impl Cookies {
    pub(crate) fn of(app: &App, link: Link, headers: &HeaderMap) -> Self {
        let texts = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
        let pairs = texts
            .flat_map(|text| text.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let instance = app.engine().instance.id.get(..8).unwrap_or_default().to_owned();
        Self { pairs, instance, secure: app.clients().is_secure(link, headers) }
    }

    fn name(&self, cookie: Cookie) -> String {
        let (prefix, word) = match cookie {
            Cookie::Session => ("session", &self.instance),
            Cookie::Visit => ("visit", &self.instance),
            Cookie::Notice => ("notice", &self.instance),
        };
        // `__Host-`: only ever sent back over TLS, and only by this very host (RFC 6265bis section 4.1.3).
        let host = if self.secure { "__Host-" } else { "" };
        format!("{host}auditwire_{prefix}_{word}")
    }

    pub(crate) fn get(&self, cookie: Cookie) -> Option<&str> {
        let name = self.name(cookie);
        self.named(&name)
    }

    /// The zone that the browser is in, as its script says.
    pub(crate) fn zone(&self) -> Option<&str> {
        self.named(ZONE)
    }

    fn named(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str()).filter(|v| !v.is_empty())
    }

    /// A `Set-Cookie` that ends with the browser's session. `value` holds no `;` and no control character.
    pub(crate) fn set(&self, cookie: Cookie, value: &str) -> Option<HeaderValue> {
        self.write(cookie, value, "")
    }

    /// A `Set-Cookie` that removes it.
    pub(crate) fn clear(&self, cookie: Cookie) -> Option<HeaderValue> {
        self.write(cookie, "", "; Max-Age=0")
    }

    /// `Lax`: a link from elsewhere opens the page that it names, and nothing is ever changed by GET.
    fn write(&self, cookie: Cookie, value: &str, more: &str) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}", self.name(cookie));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// A new random text for [`Cookie::Visit`].
pub(crate) fn new_visit() -> String {
    // Without randomness no form of this visitor is taken, which is the safe end.
    Secret::random(16).map(|secret| hex(secret.expose())).unwrap_or_default()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

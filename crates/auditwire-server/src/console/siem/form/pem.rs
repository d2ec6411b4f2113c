//! What a PEM holds, as it is shown: its certificates and whether a key is with them. Never the PEM itself.

use std::time::Duration;

use askama::Template;
use auditwire_engine::connections::{PemContents, inspect_pem};
use auditwire_model::Timestamp;
use auditwire_model::connection::{CertificateInfo, CertificateRole, CertificateTime, ConnectionSpec};
use axum::http::StatusCode;
use axum::response::Response;

use super::mistakes;
use crate::api::Problem;
use crate::console::form::Posted;
use crate::console::page::{Frame, Section, page};
use crate::console::time::{Calendar, When};
use crate::console::visible::visible;
use crate::console::who::InProject;
use crate::console::words::Words;

/// A certificate that ends sooner is warned of.
const SOON: Duration = Duration::from_secs(30 * 86_400);
/// So many are shown with all that is known of them; of more only the first lines.
const OPEN_MAX: usize = 3;

/// The contents of one PEM.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    pub(super) certificates: Vec<Certificate>,
    pub(super) client_key: bool,
    /// Whom a connection with it trusts: `system`, `ca`, `pinned` or `both`.
    pub(super) trust: &'static str,
    /// Few enough to show all of each.
    pub(super) open: bool,
}

/// One certificate.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    /// `ca`, `client` or `pinned`.
    pub(super) role: &'static str,
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) names: Vec<String>,
    pub(super) not_before: When,
    pub(super) not_after: When,
    /// First and last day, in the reader's zone.
    pub(super) days: [String; 2],
    pub(super) sha256: String,
    pub(super) validity: Validity,
}

/// How a certificate's time stands to the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Validity {
    Good,
    /// Ends within 30 days.
    Ending,
    Expired,
    NotYet,
}

impl Shown {
    /// Nothing was given: the system's roots are trusted.
    pub(super) fn nothing() -> Self {
        Self { trust: "system", ..Self::default() }
    }

    /// What a stored connection's PEM holds.
    pub(super) fn stored(by: &InProject, spec: &ConnectionSpec) -> Self {
        match &spec.tls {
            Some(tls) => Self::of(by, &tls.certificates, tls.client_key),
            None => Self::nothing(),
        }
    }

    pub(super) fn of(by: &InProject, certificates: &[CertificateInfo], client_key: bool) -> Self {
        let has = |role| certificates.iter().any(|c| c.role == role);
        let trust = match (has(CertificateRole::Ca), has(CertificateRole::Pinned)) {
            (true, true) => "both",
            (true, false) => "ca",
            (false, true) => "pinned",
            (false, false) => "system",
        };
        let now = by.engine().clock.now();
        let certificates: Vec<_> = certificates.iter().map(|info| Certificate::of(by, info, now)).collect();
        Self { open: certificates.len() <= OPEN_MAX, certificates, client_key, trust }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.certificates.is_empty() && !self.client_key
    }

    pub(super) fn trust_text(&self, words: &Words) -> String {
        words.t(match self.trust {
            "both" => "form-trust-both",
            "ca" => "form-trust-ca",
            "pinned" => "form-trust-pinned",
            _ => "form-trust-system",
        })
    }
}

impl Certificate {
    fn of(by: &InProject, info: &CertificateInfo, now: Timestamp) -> Self {
        let (calendar, shown) = (by.calendar(), |text: &str| visible(text).into_owned());
        let when = |time| when(&calendar, time);
        let (not_before, not_after) = (when(info.not_before), when(info.not_after));
        Self {
            role: match info.role {
                CertificateRole::Ca => "ca",
                CertificateRole::Client => "client",
                CertificateRole::Pinned => "pinned",
            },
            subject: shown(&info.subject),
            issuer: shown(&info.issuer),
            names: info.names.iter().map(|name| shown(name)).collect(),
            days: [&not_before, &not_after].map(|when| when.local.split(' ').next().unwrap_or_default().to_owned()),
            not_before,
            not_after,
            sha256: info.sha256.clone(),
            validity: validity(info, now),
        }
    }

    pub(super) fn role_text(&self, words: &Words) -> String {
        words.t(match self.role {
            "ca" => "form-role-ca",
            "client" => "form-role-client",
            _ => "form-role-pinned",
        })
    }

    pub(super) fn role_help(&self, words: &Words) -> String {
        words.t(match self.role {
            "ca" => "form-role-ca-help",
            "client" => "form-role-client-help",
            _ => "form-role-pinned-help",
        })
    }

    /// The class of its badge and the text on it; none while all is well.
    pub(super) fn warning(&self, words: &Words) -> Option<(&'static str, String)> {
        let relative = || self.not_after.relative.clone();
        match self.validity {
            Validity::Good => None,
            Validity::Ending => Some(("warn", words.with("form-certificate-ending", "when", relative()))),
            Validity::Expired => Some(("bad", words.with("form-certificate-expired", "when", relative()))),
            Validity::NotYet => {
                let when = self.not_before.relative.clone();
                Some(("bad", words.with("form-certificate-not-yet", "when", when)))
            }
        }
    }
}

/// A certificate's time for people. Beyond our years there are no zones and no distances: it stands there in UTC, as it is.
fn when(calendar: &Calendar, time: CertificateTime) -> When {
    let near = calendar.when(time.nearest());
    if time.is_near() {
        return near;
    }
    let (utc, local) = (time.to_string(), time.to_string().replace('T', " ").replace('Z', ""));
    When { exact: utc.clone(), utc, local, ..near }
}

fn validity(info: &CertificateInfo, now: Timestamp) -> Validity {
    if now > info.not_after.nearest() {
        Validity::Expired
    } else if now < info.not_before.nearest() {
        Validity::NotYet
    } else if info.not_after.nearest().since(now) <= SOON {
        Validity::Ending
    } else {
        Validity::Good
    }
}

#[derive(Template)]
#[template(path = "siem/pem.html")]
struct PemFragment {
    frame: Frame,
    shown: Shown,
    error: Option<String>,
}

/// `POST …/settings/siem/pem`: what the text that somebody just pasted holds. Nothing is stored.
pub(super) async fn inspect(Posted { by, form }: Posted<InProject>) -> Result<Response, Problem> {
    let frame = Frame::new(&by, Section::Settings, by.words().t("form-pem"));
    let (shown, error) = match inspect_pem(form.raw("pem").as_bytes()) {
        Ok(PemContents { certificates, client_key }) => (Shown::of(&by, &certificates, client_key), None),
        Err(error) => (Shown::nothing(), Some(mistakes::text(by.words(), &error))),
    };
    page(&by, StatusCode::OK, &PemFragment { frame, shown, error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_warned_of_thirty_days_before_its_end() {
        let time = |text: &str| Timestamp::parse(text).expect("a time");
        let second = |text| CertificateTime::from(time(text));
        let info = CertificateInfo {
            role: CertificateRole::Ca,
            subject: String::new(),
            issuer: String::new(),
            names: Vec::new(),
            not_before: second("2026-01-01T00:00:00Z"),
            not_after: second("2026-12-31T00:00:00Z"),
            sha256: String::new(),
        };
        let cases = [
            ("2025-12-31T23:59:59Z", Validity::NotYet),
            ("2026-01-01T00:00:00Z", Validity::Good),
            ("2026-11-30T23:59:59Z", Validity::Good),
            ("2026-12-01T00:00:00Z", Validity::Ending),
            ("2026-12-31T00:00:00Z", Validity::Ending),
            ("2026-12-31T00:00:01Z", Validity::Expired),
        ];
        for (now, expected) in cases {
            assert_eq!(validity(&info, time(now)), expected, "{now}");
        }
    }
}

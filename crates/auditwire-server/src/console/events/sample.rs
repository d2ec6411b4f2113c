//! A first event to copy into a terminal: what an empty log shows.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::uri::Authority;

use crate::App;
use crate::client::Link;
use crate::console::urls::Urls;

/// Scheme and authority that the visitor reaches this service by.
#[derive(Debug)]
pub(super) struct Origin(String);

impl FromRequestParts<App> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let link = parts.extensions.get::<Link>().copied();
        let link = link.unwrap_or(Link { peer: app.local(), local: app.local() });
        let scheme = if app.clients().is_secure(link, &parts.headers) { "https" } else { "http" };
        let authority = app.clients().authority(link, &parts.uri, &parts.headers);
        // The text goes into a shell: only what can be nothing but an authority is taken over.
        let authority = authority.and_then(|text| text.parse::<Authority>().ok()).filter(|a| is_plain(a.as_str()));
        let authority = authority.map_or_else(|| app.local().to_string(), |a| a.to_string());
        Ok(Self(format!("{scheme}://{authority}")))
    }
}

fn is_plain(authority: &str) -> bool {
    authority.bytes().all(|c| c.is_ascii_alphanumeric() || b".-:[]".contains(&c))
}

impl Origin {
    /// A command that posts an event to this very service.
    pub(super) fn curl(&self, urls: Urls<'_>) -> String {
        let url = format!("{}{}", self.0, urls.api_events());
        format!(
            "curl '{url}' \\\n  -H \"Authorization: Bearer $AUDITWIRE_TOKEN\" \\\n  -H 'Content-Type: application/json' \\\n  \
             -d '{{\"action\": \"user-signin\", \"message\": \"Alice signed in\", \"outcome\": \"success\",\n       \
             \"source\": {{\"id\": \"iam\"}}, \"subject\": {{\"metadata\": {{\"name\": \"Alice\"}}}}}}'"
        )
    }
}

#[cfg(test)]
mod tests {
    use auditwire_model::ProjectId;

    use super::*;

    #[test]
    fn the_command_names_this_service_and_sends_json() {
        let id = ProjectId::default_project();
        let curl = Origin("https://audit.example.com:8443".to_owned()).curl(Urls(&id));
        assert!(
            curl.starts_with("curl 'https://audit.example.com:8443/api/v1/projects/default/events' \\\n"),
            "{curl}"
        );
        let body = curl.split("-d '").nth(1).and_then(|rest| rest.strip_suffix('\'')).expect("a body");
        let json: serde_json::Value = serde_json::from_str(body).expect("is JSON");
        assert_eq!(json["action"], "user-signin");
    }

    #[test]
    fn an_authority_is_no_shell() {
        assert!(is_plain("[::1]:8080") && is_plain("audit.example.com"));
        assert!(!is_plain("a'b") && !is_plain("$x:1") && !is_plain("user@host"));
    }
}

//! A first event to copy into a terminal: what an empty log shows.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::App;
use crate::client::Link;
use crate::console::urls::Urls;

/// Scheme, host and port of this service: what is configured, or an address of ours; nothing that a header says.
#[derive(Debug)]
pub(super) struct Origin(String);

impl FromRequestParts<App> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(app.clients().origin(Link::of(&parts.extensions, app))))
    }
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
}

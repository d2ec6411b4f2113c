//! Links that sign the operator in to the console once.

use auditwire_engine::people;
use auditwire_engine::secrets::Secret;
use auditwire_model::Timestamp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::auth::Auth;
use super::json::{self, JsonBytes, Nothing};
use super::problem::{ProblemBody, Result};
use crate::App;
use crate::client::Link;
use crate::console::urls;

/// The address that takes the key of a link; `origin` as in `https://audit.example`, without a slash at the end.
#[must_use]
pub fn sign_in_link(origin: &str, key: &Secret) -> Secret {
    Secret::new(format!("{origin}{}?key={}", urls::SIGN_IN_LINK, key.expose_text()).into_bytes())
}

/// A link that signs its holder in once.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct SignInLink {
    /// To be opened in a browser; it holds a secret.
    #[schema(example = "https://audit.example/sign-in/link?key=…")]
    url: String,
    /// When it ends by itself.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Create a sign-in link
///
/// Signs the operator in to the console once within 30 minutes, and lets one new password be set. The link that was made
/// before ends. Operator only; the body is empty.
#[utoipa::path(
    post,
    path = "/sign-in-links",
    tag = "people",
    responses(
        (status = 201, body = SignInLink),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "Not an operator's token"),
    )
)]
pub(crate) async fn create_sign_in_link(
    State(app): State<App>,
    auth: Auth,
    link: Link,
    body: JsonBytes,
) -> Result<Response> {
    let Nothing {} = body.parse_or_default()?;
    let (key, expires_at) = people::create_link(app.engine(), &auth.caller).await?;
    let url = sign_in_link(&app.clients().origin(link), &key).expose_text().to_owned();
    json::answer(StatusCode::CREATED, &SignInLink { url, expires_at })
}

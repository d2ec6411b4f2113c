//! What a filter and a format would do, before they are stored.

use auditwire_engine::connections::{self, OtherMessage, Preview, PreviewMessage};
use auditwire_model::Timestamp;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::{WarningAnswer, warned};
use crate::App;
use crate::api::auth::{Auth, InProject};
use crate::api::json::{self, JsonBytes};
use crate::api::problem::{ProblemBody, Result};

/// What a connection with this filter and this format would send.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewAnswer {
    /// The filter as an expression of the search language; empty when nothing is kept back.
    filter: String,
    /// Since when is counted, by `timestamp`: 24 h ago.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// Events since then that would be sent.
    matched: u64,
    /// All events since then.
    total: u64,
    /// False when time ran out or a part of the log could not be read.
    exact: bool,
    /// The latest matching events of the whole log, newest first; at most 5.
    messages: Vec<MessageAnswer>,
    /// What the receiver is known to read wrongly.
    warnings: Vec<WarningAnswer>,
}

/// One event as a message.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct MessageAnswer {
    /// The event.
    seq: u64,
    /// The message without its frame; its delivery number is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// In place of `text`, when the message is not UTF-8: its bytes (RFC 4648 section 4).
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    /// In place of a message: why the event cannot become one. It would be quarantined.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Values were cut to fit the largest size.
    truncated: bool,
    /// With `compare_mappings`: the same event with the other mapping.
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<OtherAnswer>,
}

/// One event as the mapping makes it that was not chosen.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OtherAnswer {
    /// 1 or 2.
    mapping: u8,
    /// The message without its frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// In place of `text`, when the message is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    /// In place of a message: why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// Values were cut to fit the largest size.
    truncated: bool,
}

/// Preview a connection
///
/// How much of the last 24 h would be sent, and the latest matching events as the very messages. The body is a connection, of
/// which only `filter`, `format`, `options`, `receiver`, `framing` and `transport` count; all may be absent. With `compare_mappings`, true, each
/// message has that of the other mapping beside it. Nothing is stored or sent.
#[utoipa::path(
    post,
    path = "/connections/preview",
    tag = "connections",
    params(("project" = String, Path, description = "The project's id")),
    request_body(content = Object, example = json!({
        "format": "cef", "filter": {"kind": "query", "query": "severity >= WARNING AND source.id = iam"}
    })),
    responses(
        (status = 200, body = PreviewAnswer),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "One code per wrong field"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "Needs `read` and `configure`"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "Too many searches at once"),
    )
)]
pub(crate) async fn preview_connection(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    body: JsonBytes,
) -> Result<Response> {
    let preview = connections::preview(app.engine(), &auth.caller, &project, &body.0).await?;
    json::answer(StatusCode::OK, &PreviewAnswer::from(preview))
}

impl From<Preview> for PreviewAnswer {
    fn from(preview: Preview) -> Self {
        let Preview { filter, from, matched, total, exact, messages, warnings } = preview;
        let messages = messages.into_iter().map(MessageAnswer::from).collect();
        Self { filter, from, matched, total, exact, messages, warnings: warned(&warnings) }
    }
}

impl From<PreviewMessage> for MessageAnswer {
    fn from(PreviewMessage { seq, message, truncated, other }: PreviewMessage) -> Self {
        let [text, base64, error] = shown(message);
        Self { seq: seq.0, text, base64, error, truncated, other: other.map(OtherAnswer::from) }
    }
}

impl From<OtherMessage> for OtherAnswer {
    fn from(OtherMessage { mapping, message, truncated }: OtherMessage) -> Self {
        let [text, base64, error] = shown(message);
        Self { mapping: mapping.into(), text, base64, error, truncated }
    }
}

/// A message as text, as Base64, or why there is none: one of the three.
fn shown(message: std::result::Result<Vec<u8>, String>) -> [Option<String>; 3] {
    match message.map(String::from_utf8) {
        Ok(Ok(text)) => [Some(text), None, None],
        Ok(Err(bytes)) => [None, Some(base64(bytes.as_bytes())), None],
        Err(error) => [None, None, Some(error)],
    }
}

/// RFC 4648 section 4, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        for place in 0..4 {
            let index = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or(0);
            out.push(if place <= group.len() { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use auditwire_model::Position;

    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_base64() {
        // RFC 4648 section 10.
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        let of =
            |message| MessageAnswer::from(PreviewMessage { seq: Position(1), message, truncated: false, other: None });
        assert_eq!(of(Ok(vec![0xff, 0xfe])).base64.as_deref(), Some("//4="));
        assert_eq!(of(Ok("ё".into())).text.as_deref(), Some("ё"));
        assert_eq!(of(Err("too large".to_owned())).error.as_deref(), Some("too large"));
    }
}

//! Small JSON bodies of the management calls, and the headers that go with objects.

use auditwire_engine::Error;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body;
use super::problem::{Problem, Result};
use crate::App;

/// The body of a management call, read within limits. Empty when there is none.
#[derive(Debug)]
pub(crate) struct JsonBytes(pub(crate) Bytes);

impl FromRequest<App> for JsonBytes {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (parts, body) = request.into_parts();
        let bytes = body::read_small(app, &parts.headers, &parts.extensions, body).await?;
        if !bytes.is_empty() && media_type(&parts.headers).as_deref() != Some("application/json") {
            let detail = "send the body as Content-Type: application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
        Ok(Self(bytes))
    }
}

impl JsonBytes {
    /// The body as `T`, which refuses fields it does not know.
    pub(crate) fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        let parsed = serde_json::from_slice(&self.0).map_err(|e| unreadable(&e))?;
        // serde reads an array as a structure, field by field; nobody who sends one means that.
        if self.0.trim_ascii_start().first() == Some(&b'[') {
            return Err(Problem::bad_request("invalid_value", "the body must be a JSON object"));
        }
        Ok(parsed)
    }

    /// As [`parse`](Self::parse); no body is the default.
    pub(crate) fn parse_or_default<T: DeserializeOwned + Default>(&self) -> Result<T> {
        if self.0.is_empty() { Ok(T::default()) } else { self.parse() }
    }
}

/// The body of a call that takes nothing: none, or an empty object.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// The media type without its parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// What serde says, as our codes. It names fields only in its text; the texts are pinned by the tests.
fn unreadable(error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let named = |prefix: &str| text.strip_prefix(prefix).and_then(|rest| rest.split('`').next()).map(str::to_owned);
    if let Some(field) = named("unknown field `") {
        return Problem::bad_request("unknown_field", format!("this request has no such field: {text}"))
            .in_field(field);
    }
    if let Some(field) = named("missing field `") {
        return Problem::bad_request("missing_field", format!("the field {field} is needed")).in_field(field);
    }
    match error.classify() {
        serde_json::error::Category::Data => Problem::bad_request("invalid_value", text),
        _ => Problem::bad_request("invalid_json", format!("the body is not JSON: {text}")),
    }
}

/// A JSON answer.
pub(crate) fn answer(status: StatusCode, body: &impl Serialize) -> Result<Response> {
    let bytes = serde_json::to_vec(body).map_err(|e| {
        Problem::from(
            Error::new(auditwire_engine::Kind::Internal, "internal", "the answer could not be written").caused_by(e),
        )
    })?;
    Ok((status, [(header::CONTENT_TYPE, "application/json")], bytes).into_response())
}

/// A 201 with the new object's address.
pub(crate) fn created(location: &str, body: &impl Serialize) -> Result<Response> {
    let mut response = answer(StatusCode::CREATED, body)?;
    if let Ok(value) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    Ok(response)
}

/// `Idempotency-Key`, 1 to 255 visible ASCII characters.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if (1..=255).contains(&text.len()) && text.bytes().all(|c| (0x20..0x7f).contains(&c)) {
        return Ok(Some(text.to_owned()));
    }
    let detail = "Idempotency-Key has 1 to 255 visible ASCII characters";
    Err(Problem::bad_request("invalid_idempotency_key", detail).in_field("Idempotency-Key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[expect(dead_code, reason = "only its reading is looked at")]
        name: String,
    }

    #[test]
    fn what_is_wrong_with_a_body_has_a_code_and_a_field() {
        let cases = [
            (r#"{"name":"a","colour":1}"#, "unknown_field"),
            ("{}", "missing_field"),
            (r#"{"name":1}"#, "invalid_value"),
            (r#"["a"]"#, "invalid_value"),
            (r#"{"name":"#, "invalid_json"),
            ("", "invalid_json"),
        ];
        for (body, code) in cases {
            let problem = JsonBytes(Bytes::from(body)).parse::<Sample>().expect_err("is refused");
            assert_eq!(problem.code(), code, "{body}");
        }
        assert!(JsonBytes(Bytes::new()).parse_or_default::<Sample>().is_ok());
    }
}

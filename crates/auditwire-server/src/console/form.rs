//! Forms as browsers send them. [`Posted`] is the only way to read one, and it checks where the form came from first.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use zeroize::Zeroizing;

use super::csrf;
use super::failure::explained;
use super::who::Viewer;
use super::words::Words;
use crate::App;
use crate::api::{Problem, read_small_body};
use crate::client::CalledBy;
use crate::escapes::is_text;

/// The fields of a form, in its order. Values may be secrets, so they are wiped when the form is dropped; the request's body, of
/// which they are read, lies in buffers of the HTTP library and is not.
#[derive(Clone, Default)]
pub(crate) struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    /// From `application/x-www-form-urlencoded` text: a body, or the query of an address.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().map(|(name, value)| (name, Zeroizing::new(value))).collect())
    }

    /// The first value of a field, without blanks around it; `""` when it was not sent.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The first value of a field as it was sent (passwords, PEM).
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str())
    }

    /// All values of a field.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether a field was sent: a checked box, a pressed button.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }
}

/// Field values may be secrets.
impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// What is wrong with a form that was sent: texts for people, by field.
#[derive(Debug, Clone, Default)]
pub(crate) struct FormErrors {
    /// What no field is to blame for.
    pub(crate) general: Vec<String>,
    fields: Vec<(String, String)>,
}

impl FormErrors {
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// Adds what is wrong with a field.
    #[must_use]
    pub(crate) fn and(mut self, field: &str, text: String) -> Self {
        self.fields.push((field.to_owned(), text));
        self
    }

    /// Of an engine's refusal, in the reader's language. A failure of ours is no mistake in a form and is given back.
    pub(crate) fn of_problem(words: Words, problem: &Problem) -> Result<Self, Problem> {
        if problem.status().is_server_error() {
            return Err(problem.clone());
        }
        let (text, _) = explained(words, problem.code(), problem.detail());
        Ok(match problem.field() {
            Some(field) => Self::none().and(field, text),
            None => Self { general: vec![text], fields: Vec::new() },
        })
    }

    pub(crate) fn any(&self) -> bool {
        !self.general.is_empty() || !self.fields.is_empty()
    }

    /// What is wrong with this field.
    pub(crate) fn of(&self, field: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == field).map(|(_, text)| text.as_str())
    }
}

/// A form from a page of ours, and who sent it.
#[derive(Debug)]
pub(crate) struct Posted<V> {
    pub(crate) by: V,
    pub(crate) form: Form,
}

impl<V> FromRequest<App> for Posted<V>
where
    V: Viewer + FromRequestParts<App> + Send,
{
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let by = V::from_request_parts(&mut parts, app).await.map_err(IntoResponse::into_response)?;
        let called_by = parts.extensions.get::<CalledBy>().map(|name| &name.0);
        csrf::check_origin(&parts.headers, called_by).map_err(IntoResponse::into_response)?;
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            let detail = "a form is sent as application/x-www-form-urlencoded";
            return Err(
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail).into_response()
            );
        }
        let bytes = read_small_body(app, &parts.headers, &parts.extensions, body).await;
        let bytes = bytes.map_err(IntoResponse::into_response)?;
        if !is_text(&bytes) {
            let detail = "the form holds percent escapes that are not UTF-8 text";
            return Err(Problem::bad_request("invalid_value", detail).into_response());
        }
        let form = Form::parse(&bytes);
        if !csrf::matches(by.csrf_cookie(), form.raw(csrf::FIELD)) {
            return Err(csrf::refused().into_response());
        }
        Ok(Self { by, form })
    }
}

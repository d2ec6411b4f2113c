//! Errors as `application/problem+json` (RFC 9457), and how each kind becomes a status.
//!
//! A handler returns a [`Problem`]; `transport` writes it, because only there is the request's id known, and logs what
//! failed on our side, once.

use std::time::Duration;

use auditwire_engine::{Error, Kind};
use auditwire_model::query::QueryError;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

/// The result of a handler.
pub(crate) type Result<T> = std::result::Result<T, Problem>;

/// An error answer.
#[derive(Debug, Clone)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    code: &'static str,
    detail: String,
    field: Option<String>,
    retry_after: Option<Duration>,
    headers: Vec<(HeaderName, HeaderValue)>,
    check: Option<Value>,
    descendants: Option<Value>,
    query: Option<Box<QueryError>>,
    cause: Option<String>,
}

/// What is written. Also the schema in the OpenAPI document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// The status in words.
    title: &'a str,
    /// The HTTP status.
    #[schema(example = 404)]
    status: u16,
    /// For people: what is wrong and what to do.
    detail: &'a str,
    /// Stable, for programs; `docs/api.md` lists them.
    #[schema(example = "connection_not_found")]
    code: &'a str,
    /// Dotted path of the field or name of the parameter to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// With a code `query_…`: where the query is wrong, as a 0-based code point of its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<usize>,
    /// With a code `query_…`: how many code points are wrong; 0 where something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
    /// With a code `query_…`: what could stand there.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a [String]>,
    /// With a code `query_…`: a text that could replace the wrong part, or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    suggestion: Option<Option<&'a str>>,
    /// With `check_failed`: the check.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    check: Option<&'a Value>,
    /// With `token_has_descendants`: the tokens that come from it, each with its id, name, parent, scopes and last use.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    descendants: Option<&'a Value>,
    /// Also in the `x-request-id` header and in our log.
    request_id: &'a str,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            code,
            detail: detail.into(),
            field: None,
            retry_after: None,
            headers: Vec::new(),
            check: None,
            descendants: None,
            query: None,
            cause: None,
        }))
    }

    /// 400.
    pub(crate) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 400 for what this version does not serve.
    pub(crate) fn not_available(what: &str) -> Self {
        Error::not_available(what).into()
    }

    #[must_use]
    pub(crate) fn in_field(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    #[must_use]
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    #[must_use]
    pub(crate) fn with_check(mut self, check: Value) -> Self {
        self.0.check = Some(check);
        self
    }

    #[must_use]
    pub(crate) fn with_descendants(mut self, descendants: Value) -> Self {
        self.0.descendants = Some(descendants);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    pub(crate) fn code(&self) -> &'static str {
        self.0.code
    }

    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The field of the request to blame.
    pub(crate) fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// When to try again, in whole seconds, at least one.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        let wait = self.0.retry_after?;
        Some((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    /// For the log only: what lies behind a failure of ours.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The answer as it goes out.
    pub(crate) fn into_answer(self, request_id: &str) -> Response {
        let retry_after = self.retry_after_seconds();
        let inner = *self.0;
        let query = inner.query.as_deref();
        let body = ProblemBody {
            title: inner.status.canonical_reason().unwrap_or("Error"),
            status: inner.status.as_u16(),
            detail: &inner.detail,
            code: inner.code,
            field: inner.field.as_deref(),
            position: query.map(|query| query.position),
            length: query.map(|query| query.length),
            expected: query.map(|query| query.expected.as_slice()),
            suggestion: query.map(|query| query.suggestion.as_deref()),
            check: inner.check.as_ref(),
            descendants: inner.descendants.as_ref(),
            request_id,
        };
        // Strings, numbers and a JSON value always serialise.
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (inner.status, [(header::CONTENT_TYPE, "application/problem+json")], bytes).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        for (name, value) in inner.headers {
            headers.insert(name, value);
        }
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match error.kind {
            Kind::Invalid => StatusCode::BAD_REQUEST,
            Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::Stale => StatusCode::PRECONDITION_FAILED,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::Busy => StatusCode::TOO_MANY_REQUESTS,
            Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let waits = matches!(error.kind, Kind::Busy | Kind::Unavailable);
        let mut problem = Self::new(status, error.code, error.detail.clone());
        problem.0.field.clone_from(&error.field);
        problem.0.query.clone_from(&error.query);
        problem.0.retry_after = error.retry_after.or(waits.then_some(Duration::from_secs(1)));
        problem.0.cause = status.is_server_error().then(|| causes(&error));
        problem
    }
}

/// The chain of causes, as far as it goes.
fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

impl IntoResponse for Problem {
    /// An empty response that carries the problem; `transport` writes it.
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

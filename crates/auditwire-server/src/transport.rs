//! What happens to every request, whatever it asks: its origin (the client's address and an id), the Host check, a line in the log, counters,
//! security headers, and the writing of problems.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use auditwire_model::access::Origin;
use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use uuid::Uuid;

use crate::App;
use crate::api::Problem;
use crate::client::Link;
use crate::console::failure::Written;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Everything around a handler.
pub(crate) async fn handle(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let link = request.extensions().get::<Link>().copied();
    let link = link.unwrap_or(Link { peer: app.local(), local: app.local() });
    let client = app.clients().address(link, request.headers());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().cloned();

    let mut response = if app.clients().host_allowed(link, request.uri(), request.headers()) {
        request.extensions_mut().insert(Origin::new(client, &*id));
        // A defect in one request must not take the connection's other requests with it.
        let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        answer.unwrap_or_else(|_| internal().into_response())
    } else {
        host_not_allowed().into_response()
    };

    let problem = response.extensions_mut().remove::<Problem>();
    let line = Line { id: &id, method: &method, path: &path, client, took: began.elapsed() };
    line.log(response.status(), problem.as_ref());
    if let Some(problem) = problem
        && response.extensions_mut().remove::<Written>().is_none()
    {
        response = problem.into_answer(&id);
    }
    app.metrics().answered(route.as_ref().map(MatchedPath::as_str), &method, response.status(), line.took);
    add_headers(response.headers_mut(), &id);
    response
}

/// By which request somebody asks.
pub(crate) fn origin(parts: &Parts, app: &App) -> Origin {
    let known = parts.extensions.get::<Origin>().cloned();
    known.unwrap_or_else(|| Origin::new(app.local().ip(), request_id(&parts.headers)))
}

/// The id that the client gave, if it is harmless in headers and logs, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let harmless = |id: &&str| {
        (1..=128).contains(&id.len()) && id.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.:/+=@".contains(&c))
    };
    let given = headers.get(&REQUEST_ID).and_then(|v| v.to_str().ok()).filter(harmless);
    given.map_or_else(|| Uuid::now_v7().simple().to_string(), str::to_owned)
}

fn host_not_allowed() -> Problem {
    Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        "host_not_allowed",
        "this service is not known under the name in the Host header; use its address, or configure the name (hostnames)",
    )
}

fn internal() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "a defect was met; the log has more under this request's id",
    )
}

/// One request, as it is logged: never its query, headers or body.
struct Line<'a> {
    id: &'a str,
    method: &'a Method,
    path: &'a str,
    client: std::net::IpAddr,
    took: Duration,
}

impl Line<'_> {
    fn log(&self, status: StatusCode, problem: Option<&Problem>) {
        let Self { id: request_id, method, path, client, took } = *self;
        let (status, took_ms) = (status.as_u16(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        let code = problem.map(Problem::code);
        match problem.and_then(Problem::cause) {
            Some(cause) => {
                tracing::error!(request_id, %method, path, %client, status, code, took_ms, cause, "request failed")
            }
            None if problem.is_some_and(|p| p.status().is_server_error()) => {
                tracing::warn!(request_id, %method, path, %client, status, code, took_ms, "request refused");
            }
            // Reads and intake come by the thousand; changes are rare and worth a line.
            None if method.is_safe() || path.ends_with("/events") => {
                tracing::debug!(request_id, %method, path, %client, status, code, took_ms, "request");
            }
            None => tracing::info!(request_id, %method, path, %client, status, code, took_ms, "request"),
        }
    }
}

fn add_headers(headers: &mut HeaderMap, request_id: &str) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        // The console's pages and assets say something else of themselves.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

//! What happens to every request, whatever it asks: its origin (the client's address and an id), the Host check, a line in the log, counters,
//! security headers, and the writing of problems.

mod access;

use std::net::IpAddr;
use std::time::Instant;

use auditwire_engine::tasks::Task;
use auditwire_model::access::Origin;
use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use crate::App;
use crate::api::Problem;
use crate::client::{Asker, CalledBy, HostRefused, Link};
use crate::console::failure::Written;
use crate::escapes::is_text;
use access::Line;

pub(crate) use access::AccessLog;
pub use access::{ACCESS, Access};

/// What tells nothing of projects is answered to whoever reaches us: the probes of a cluster do not come through the proxy.
const HEALTH: [&str; 2] = ["/healthz", "/readyz"];
/// A year, for this name alone: what other hosts of the domain do is not ours to promise.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Everything around a handler.
pub(crate) async fn handle(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let link = Link::of(request.extensions(), &app);
    let client = app.clients().address(link, request.headers());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().cloned();

    let admitted = admit(&app, link, client, &request);
    let promises_tls = admitted.as_ref().is_ok_and(|(name, _)| app.clients().promises_tls(name));
    let asker = admitted.as_ref().ok().map(|(_, asker)| asker.clone());
    let mut response = match admitted {
        Ok((name, asker)) => {
            request.extensions_mut().insert(Origin::new(client, &*id));
            request.extensions_mut().insert(name);
            request.extensions_mut().insert(asker);
            // A defect in one request must not take the connection's other requests with it.
            let answer = app.engine().tasks().caught(Task::Request, next.run(request)).await;
            answer.unwrap_or_else(|_| internal().into_response())
        }
        Err(problem) => problem.into_response(),
    };

    let problem = response.extensions_mut().remove::<Problem>();
    let line = Line { id: &id, method: &method, path: &path, client, took: began.elapsed() };
    line.log(response.status(), problem.as_ref(), app.access());
    if let Some(problem) = problem
        && response.extensions_mut().remove::<Written>().is_none()
    {
        response = problem.into_answer(&id);
    }
    app.metrics().answered(route.as_ref().map(MatchedPath::as_str), &method, response.status(), line.took);
    add_headers(response.headers_mut(), &id);
    if promises_tls {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    match asker {
        Some(asker) => app.answers().watch(response, asker),
        None => response,
    }
}

/// Where the request comes from, what it calls us by, and how many more there are, before anybody looks at what it asks.
fn admit(app: &App, link: Link, client: IpAddr, request: &Request) -> Result<(CalledBy, Asker), Problem> {
    if !app.clients().lets_in(link.peer) && !HEALTH.contains(&request.uri().path()) {
        return Err(not_through_proxy());
    }
    let called_by =
        app.clients().called_by(link, request.version(), request.uri(), request.headers()).map_err(|refused| {
            match refused {
                HostRefused::Invalid => invalid_host(),
                HostRefused::NotOurs => host_not_allowed(),
            }
        })?;
    // Here for every route: what a decoder puts in the place of bytes that are no text is asked for as if it had been meant.
    if !request.uri().query().is_none_or(|query| is_text(query.as_bytes())) {
        return Err(invalid_query_string());
    }
    Ok((called_by, Asker::begin(app, client, request.extensions().get())?))
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

fn not_through_proxy() -> Problem {
    let detail = "this service is asked through its proxy only (behind_proxy); use the proxy's address";
    // Whoever goes on would only be refused again.
    Problem::new(StatusCode::FORBIDDEN, "not_through_proxy", detail)
        .with_header(header::CONNECTION, HeaderValue::from_static("close"))
}

fn invalid_host() -> Problem {
    let detail = "a request has one Host header: a name or an address, and a port from 1 to 65535 if there is one";
    Problem::bad_request("invalid_host", detail)
}

fn invalid_query_string() -> Problem {
    let detail = "the address holds percent escapes that are not UTF-8 text; %E9, for instance, is \u{e9} in Latin-1, in UTF-8 it is %C3%A9";
    Problem::bad_request("invalid_query_string", detail)
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

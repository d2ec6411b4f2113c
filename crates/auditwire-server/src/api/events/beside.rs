//! `GET /events/count`, `/events/histogram` and `/events/facets`: the questions beside a page, in the same words.

use std::collections::BTreeMap;

use auditwire_engine::Error;
use auditwire_engine::search::{self, Bucket};
use auditwire_model::query::{Expr, Field, Parsed, parse};
use auditwire_model::{Severity, Timestamp};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::range::{Params, Question, Which, read_time};
use crate::App;
use crate::api::auth::{Auth, InProject};
use crate::api::json;
use crate::api::problem::{Problem, ProblemBody, Result};

const BUCKETS_DEFAULT: usize = 60;
const VALUES_DEFAULT: usize = 20;

impl Question {
    /// The same question to the verbs beside a page.
    pub(super) fn beside(&self, now: Timestamp) -> Result<search::Question> {
        let time = |name: &str, text: &Option<String>| text.as_deref().map(|t| read_time(name, t, now)).transpose();
        Ok(search::Question {
            query: self.query(now)?,
            time_from: time("from", &self.from)?,
            time_to: time("to", &self.to)?,
            plane: self.plane()?,
        })
    }
}

/// How many events match.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CountAnswer {
    /// So many.
    count: u64,
    /// False when there may be more: the time ran out (30 s), or a part of the log could not be read.
    exact: bool,
}

/// Count events
#[utoipa::path(
    get,
    path = "/events/count",
    tag = "events",
    params(
        ("project" = String, Path, description = "The project's id"),
        Which,
    ),
    responses(
        (status = 200, body = CountAnswer, description = "How many"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "A parameter is wrong"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "Too many searches at once"),
    )
)]
pub(crate) async fn count_events(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    params: Params,
) -> Result<Response> {
    let mut params = params.only(&["q", "from", "to", "plane"])?;
    let question = Question::take(&mut params).beside(app.engine().clock.now())?;
    let found = search::count(app.engine(), &auth.caller, &project, &question).await?;
    json::answer(StatusCode::OK, &CountAnswer { count: found.count, exact: found.exact })
}

/// Matching events over time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct HistogramAnswer {
    /// In order of time and without gaps between them; also those without events.
    buckets: Vec<BucketAnswer>,
    /// True when events may be missing: the time ran out (30 s), or a part of the log could not be read.
    partial: bool,
}

/// A part of the time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct BucketAnswer {
    /// `from <= timestamp`.
    #[schema(value_type = String, example = "2026-11-22T10:00:00Z")]
    from: Timestamp,
    /// `timestamp < to`.
    #[schema(value_type = String, example = "2026-11-22T10:01:00Z")]
    to: Timestamp,
    /// How many of which severity; what is not named is 0.
    #[schema(value_type = std::collections::BTreeMap<String, u64>, example = json!({"INFO": 17, "ERROR": 2}))]
    counts: BTreeMap<&'static str, u64>,
}

impl From<Bucket> for BucketAnswer {
    fn from(bucket: Bucket) -> Self {
        let counts = Severity::ALL.into_iter().zip(bucket.counts).filter(|(_, number)| *number > 0);
        let counts = counts.map(|(severity, number)| (severity.as_str(), number)).collect();
        Self { from: bucket.from, to: bucket.to, counts }
    }
}

/// Events over time
///
/// Without `from` or `to` the buckets reach around the log's earliest or latest event, at whole minutes. Buckets that are
/// at least a minute wide meet at whole minutes.
#[utoipa::path(
    get,
    path = "/events/histogram",
    tag = "events",
    params(
        ("project" = String, Path, description = "The project's id"),
        Which,
        ("buckets" = Option<u16>, Query, description = "1–500, default 60"),
    ),
    responses(
        (status = 200, body = HistogramAnswer, description = "The buckets"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "A parameter is wrong"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "Too many searches at once"),
    )
)]
pub(crate) async fn events_histogram(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    params: Params,
) -> Result<Response> {
    let mut params = params.only(&["q", "from", "to", "plane", "buckets"])?;
    let question = Question::take(&mut params).beside(app.engine().clock.now())?;
    let buckets = number("buckets", "invalid_buckets", params.take("buckets"))?.unwrap_or(BUCKETS_DEFAULT);
    let found = search::histogram(app.engine(), &auth.caller, &project, &question, buckets).await?;
    let buckets = found.buckets.into_iter().map(BucketAnswer::from).collect();
    json::answer(StatusCode::OK, &HistogramAnswer { buckets, partial: found.partial })
}

/// The values of a field.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FacetsAnswer {
    /// The most frequent first.
    values: Vec<FacetAnswer>,
    /// True when there are more values than these.
    more: bool,
    /// True when numbers may be too small or values missing: the time ran out (30 s), a part of the log could not be read,
    /// or there are too many different values to count them all.
    partial: bool,
}

/// A value of a field.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FacetAnswer {
    /// As events show it.
    value: String,
    /// So many matching events have it.
    count: u64,
}

/// Values of a field
///
/// An event without the field counts nowhere; each of an event's labels counts for itself.
#[utoipa::path(
    get,
    path = "/events/facets",
    tag = "events",
    params(
        ("project" = String, Path, description = "The project's id"),
        ("field" = String, Query, description = "A parameter of the search language, such as `source.id` or `subject.metadata.email`"),
        Which,
        ("limit" = Option<u16>, Query, description = "1–1000, default 20"),
    ),
    responses(
        (status = 200, body = FacetsAnswer, description = "The values"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json", description = "A parameter is wrong"),
        (status = 429, body = ProblemBody, content_type = "application/problem+json", description = "Too many searches at once"),
    )
)]
pub(crate) async fn events_facets(
    State(app): State<App>,
    auth: Auth,
    InProject(project): InProject,
    params: Params,
) -> Result<Response> {
    let mut params = params.only(&["field", "q", "from", "to", "plane", "limit"])?;
    let question = Question::take(&mut params).beside(app.engine().clock.now())?;
    let field = read_field(params.take("field"))?;
    let limit = number("limit", "invalid_limit", params.take("limit"))?.unwrap_or(VALUES_DEFAULT);
    let found = search::facets(app.engine(), &auth.caller, &project, &question, &field, limit).await?;
    let values = found.values.into_iter().map(|(value, count)| FacetAnswer { value, count }).collect();
    json::answer(StatusCode::OK, &FacetsAnswer { values, more: found.more, partial: found.partial })
}

/// A parameter, spelled as in the search language: what `EXIST` may ask of.
fn read_field(text: Option<String>) -> Result<Field> {
    let refuse = |detail: &str| Problem::bad_request("invalid_field", detail).in_field("field");
    let text = text.ok_or_else(|| refuse("say whose values are wanted, such as field=source.id"))?;
    match parse(&format!("{text} EXIST"), None) {
        Ok(Parsed { expr: Expr::Exists(field), .. }) => Ok(field),
        Ok(_) => Err(refuse("field is one parameter of the search language, such as source.id")),
        Err(wrong) => Err(Problem::from(Error::from(wrong)).in_field("field")),
    }
}

/// A parameter that is a number in digits; the verb knows its limits.
pub(in crate::api) fn number(name: &str, code: &'static str, text: Option<String>) -> Result<Option<usize>> {
    let Some(text) = text else { return Ok(None) };
    let number = text.parse().ok().filter(|_| text.bytes().all(|c| c.is_ascii_digit()));
    let refuse = || Problem::bad_request(code, format!("{name} is a number")).in_field(name);
    number.map(Some).ok_or_else(refuse)
}

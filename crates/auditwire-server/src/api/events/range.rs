//! The parameters of questions about events: read strictly, because a misspelt filter that is ignored shows the wrong events.

use auditwire_engine::Error;
use auditwire_engine::search::Search;
use auditwire_engine::store::Order;
use auditwire_model::Timestamp;
use auditwire_model::event::Plane;
use auditwire_model::query::{self, Expr, parse};
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

use super::cursor::Cursor;
use crate::App;
use crate::api::problem::{Problem, Result};
use crate::api::whose::whose;

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// The parameters as they came, each at most once. What is empty counts as absent.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl FromRequestParts<App> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let pairs: std::result::Result<Query<Vec<(String, String)>>, QueryRejection> =
            Query::from_request_parts(parts, app).await;
        let pairs = pairs.map_err(|e| Problem::bad_request("invalid_query_string", e.body_text()))?;
        Ok(Self(pairs.0))
    }
}

impl Params {
    /// Refuses what is not in `known`, and what comes twice.
    pub(in crate::api) fn only(mut self, known: &[&str]) -> Result<Self> {
        for (n, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let detail = format!("there is no such parameter; known are {}", known.join(", "));
                return Err(Problem::bad_request("unknown_parameter", detail).in_field(name));
            }
            if self.0.iter().take(n).any(|(earlier, _)| earlier == name) {
                return Err(Problem::bad_request("duplicate_parameter", "a parameter may come once").in_field(name));
            }
        }
        self.0.retain(|(_, value)| !value.is_empty());
        Ok(self)
    }

    /// Takes one out.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(n, _)| n == name)?;
        Some(self.0.swap_remove(at).1)
    }
}

/// How the OpenAPI document tells the parameters of a question.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "parameters are read by `Params`, strictly")]
pub(super) struct Which {
    /// Which events, in the search language
    q: Option<String>,
    /// Only events with `timestamp` at or after; RFC 3339, or relative like `now-15m`
    from: Option<String>,
    /// Only events with `timestamp` before
    to: Option<String>,
    /// `control` or `data`
    plane: Option<String>,
}

/// What is asked, in the words of the client; a cursor belongs to this.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Question {
    pub(super) q: Option<String>,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) plane: Option<String>,
    pub(super) order: Option<String>,
}

impl Question {
    pub(super) fn take(params: &mut Params) -> Self {
        Self {
            q: params.take("q"),
            from: params.take("from"),
            to: params.take("to"),
            plane: params.take("plane"),
            order: params.take("order"),
        }
    }

    /// What a cursor belongs to, beside its project.
    pub(super) fn hash(&self) -> u64 {
        let order = self.order.as_deref().unwrap_or("desc");
        let parts = [self.q.as_deref(), self.from.as_deref(), self.to.as_deref(), self.plane.as_deref(), Some(order)];
        whose(parts.map(Option::unwrap_or_default))
    }

    /// The predicate of `q`, whose relative times count from `now`.
    pub(super) fn query(&self, now: Timestamp) -> Result<Expr> {
        let parsed = parse(self.q.as_deref().unwrap_or_default(), Some(now));
        parsed.map(|parsed| parsed.expr).map_err(|wrong| Problem::from(Error::from(wrong)).in_field("q"))
    }

    pub(super) fn plane(&self) -> Result<Option<Plane>> {
        let refuse = || Problem::bad_request("invalid_plane", "plane is control or data").in_field("plane");
        self.plane.as_deref().map(|text| Plane::parse(text).ok_or_else(refuse)).transpose()
    }

    pub(super) fn order(&self) -> Result<Order> {
        match self.order.as_deref() {
            None | Some("desc") => Ok(Order::Descending),
            Some("asc") => Ok(Order::Ascending),
            Some(_) => Err(Problem::bad_request("invalid_order", "order is desc or asc").in_field("order")),
        }
    }

    /// The search for one page.
    pub(super) fn search(&self, cursor: Option<Cursor>, now: Timestamp, limit: usize) -> Result<Search> {
        let time = |name: &str, text: &Option<String>| text.as_deref().map(|t| read_time(name, t, now)).transpose();
        Ok(Search {
            query: self.query(now)?,
            time_from: time("from", &self.from)?,
            time_to: time("to", &self.to)?,
            plane: self.plane()?,
            order: self.order()?,
            after: cursor.map(|c| c.after),
            limit,
        })
    }
}

/// `limit`, 1–1000, default 100.
pub(super) fn read_limit(text: Option<&str>) -> Result<usize> {
    let Some(text) = text else { return Ok(LIMIT_DEFAULT) };
    let digits = text.bytes().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|n| digits && (1..=LIMIT_MAX).contains(n)).ok_or_else(|| {
        Problem::bad_request("invalid_limit", format!("limit is a number from 1 to {LIMIT_MAX}")).in_field("limit")
    })
}

/// A time as in the search language.
pub(super) fn read_time(name: &str, text: &str, now: Timestamp) -> Result<Timestamp> {
    // In a query string a plus sign means a blank; an offset that was not encoded shows up like this.
    query::read_time(&text.replace(' ', "+"), Some(now))
        .map_err(|error| Problem::bad_request("invalid_time", error.to_string()).in_field(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let now = Timestamp::parse("2026-11-22T10:00:00Z").expect("a time");
        let cases = [
            ("now-15m", Some("2026-11-22T09:45:00Z")),
            ("2026-11-22T13:00:00+03:00", Some("2026-11-22T10:00:00Z")),
            ("2026-11-22T13:00:00 03:00", Some("2026-11-22T10:00:00Z")),
            ("2026-11-22T13:00:00", None),
            ("yesterday", None),
        ];
        for (text, expected) in cases {
            let read = read_time("from", text, now).map(|t| t.to_string());
            assert_eq!(read.as_deref().ok(), expected, "{text}");
        }
    }

    #[test]
    fn limits_are_whole_numbers_from_1_to_1000() {
        assert_eq!(read_limit(None).expect("reads"), 100);
        assert_eq!(read_limit(Some("1000")).expect("reads"), 1000);
        for text in ["0", "1001", "-1", "+5", "ten", "1e2", "18446744073709551616"] {
            assert_eq!(read_limit(Some(text)).expect_err("is refused").code(), "invalid_limit", "{text}");
        }
    }

    #[test]
    fn parameters_that_are_unknown_or_come_twice_are_refused() {
        let params = |pairs: &[(&str, &str)]| Params(pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect());
        let known = ["from", "to"];
        assert_eq!(params(&[("form", "now")]).only(&known).expect_err("is refused").code(), "unknown_parameter");
        let twice = params(&[("from", "now"), ("from", "now")]).only(&known);
        assert_eq!(twice.expect_err("is refused").code(), "duplicate_parameter");
        assert_eq!(params(&[("from", "")]).only(&known).expect("reads").take("from"), None);
    }
}

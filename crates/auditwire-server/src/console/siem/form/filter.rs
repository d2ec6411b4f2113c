//! What the filters mean, as an expression of the search language: shown before it is stored.

use askama::Template;
use auditwire_engine::connections::inspect_filter;
use auditwire_model::query::{Expr, parse};
use axum::http::StatusCode;
use axum::response::Response;

use super::values::Values;
use crate::api::Problem;
use crate::console::explain::Mistake;
use crate::console::form::Posted;
use crate::console::page::{Frame, Section, page};
use crate::console::visible::visible;
use crate::console::who::InProject;
use crate::console::words::Words;

/// What stands below the filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// All events are sent.
    Everything,
    /// Those that match.
    Matching(String),
    /// A value is missing or cannot be.
    Incomplete,
    /// There is no query yet.
    Unwritten,
    /// The query cannot be read.
    Wrong(Mistake),
}

impl Meaning {
    pub(super) fn of(values: &Values, words: Words) -> Self {
        // A filter that is stored must mean the same tomorrow: no time in it is relative to now.
        if values.is_by_query()
            && let Err(error) = parse(&values.query, None)
        {
            return Self::Wrong(Mistake::of(words, &values.query, &error));
        }
        match inspect_filter(values.filter_json()).ok().and_then(|filter| filter.to_expr().ok()) {
            Some(Expr::All) => Self::Everything,
            Some(expr) => Self::Matching(visible(&expr.to_string()).into_owned()),
            None if values.is_by_query() => Self::Unwritten,
            None => Self::Incomplete,
        }
    }
}

#[derive(Template)]
#[template(path = "siem/form_filter_meaning.html")]
struct MeaningFragment {
    frame: Frame,
    meaning: Meaning,
}

/// `POST …/settings/siem/filter`: the expression of the filters as they are entered just now.
pub(super) async fn meaning(Posted { by, form }: Posted<InProject>) -> Result<Response, Problem> {
    let frame = Frame::new(&by, Section::Settings, by.words().t("form-filter"));
    page(&by, StatusCode::OK, &MeaningFragment { frame, meaning: Meaning::of(&Values::read(&form), by.words()) })
}

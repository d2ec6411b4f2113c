//! What could stand at the cursor of a query: the language's own words, and the values that occur.

use std::time::Duration;

use askama::Template;
use auditwire_engine::search::{self, Question};
use auditwire_model::event::columns;
use auditwire_model::query::{Completing, Completion, Expr, Field, Op, Value, complete as completing};
use axum::http::StatusCode;
use axum::response::Response;

use super::asked::{Asked, VALUE_BYTES_MAX};
use super::query_of;
use super::range::Quick;
use super::typed::Typed;
use super::view::View;
use crate::api::Problem;
use crate::console::form::Form;
use crate::console::page::page;
use crate::console::visible::line;
use crate::console::who::InProject;
use crate::console::words::Words;

/// More are no help, and would have to be scrolled.
const SUGGESTIONS: usize = 10;
/// Suggestions that come later come too late.
const VALUES_TIME: Duration = Duration::from_millis(1_500);

/// The suggestions, as a list box.
#[derive(Template)]
#[template(path = "events/completions.html")]
struct Completions {
    words: Words,
    /// What they replace, in code points.
    position: usize,
    length: usize,
    suggestions: Vec<Suggestion>,
}

struct Suggestion {
    insert: String,
    shown: String,
    /// How many events have the value.
    count: Option<String>,
}

/// `GET …/events/complete`: `q` is the text and `cursor` a place in it, in code points; the rest is the query of the list,
/// or `whole` for all of the last week.
pub(super) async fn complete(by: InProject) -> Result<Response, Problem> {
    let form = Form::parse(query_of(&by.visitor.guest.here).as_bytes());
    let text = form.raw("q");
    let cursor = form.text("cursor").parse().unwrap_or(usize::MAX);
    let Completion { position, length, typed, kind, candidates } = completing(text, cursor);
    let mut suggestions: Vec<Suggestion> = candidates.into_iter().map(Suggestion::word).collect();
    if let Completing::Value(field) = kind
        && suggestions.is_empty()
        && is_common(&field)
    {
        suggestions = values(&by, &form, &field, &typed).await;
    }
    suggestions.truncate(SUGGESTIONS);
    page(&by, StatusCode::OK, &Completions { words: by.words(), position, length, suggestions })
}

/// The values of `field` that contain what is typed. None when counting them takes too long or is refused: this is a help.
async fn values(by: &InProject, form: &Form, field: &Field, typed: &str) -> Vec<Suggestion> {
    let question = question(by, form, field, typed);
    let found = search::facets(by.engine(), by.caller(), &by.project.id, &question, field, SUGGESTIONS);
    let Ok(Ok(found)) = tokio::time::timeout(VALUES_TIME, found).await else { return Vec::new() };
    let values = found.values.into_iter().filter(|(value, _)| value.len() <= VALUE_BYTES_MAX);
    let words = by.words();
    values
        .map(|(value, count)| Suggestion {
            insert: Value::Text(value.clone()).to_string(),
            shown: line(&value, 80),
            count: Some(words.number(count)),
        })
        .collect()
}

fn question(by: &InProject, form: &Form, field: &Field, typed: &str) -> Question {
    let now = by.engine().clock.now();
    let asked = Asked::read(query_of(&by.visitor.guest.here), &by.calendar(), by.words());
    let view = View { typed: Typed::default(), ..asked.view };
    let mut question = view.question(now);
    if form.has("whole") {
        question = Question { time_from: Quick::Week.from(now), ..Question::default() };
    }
    if !typed.is_empty() {
        let contains = Expr::Compare(field.clone(), Op::Contains, Value::Text(typed.to_owned()));
        question.query = match question.query {
            Expr::All => contains,
            rest => Expr::And(vec![contains, rest]),
        };
    }
    question
}

/// Values that many events share.
fn is_common(field: &Field) -> bool {
    let own = [
        columns::SEQ,
        columns::EVENT_ID,
        columns::TIMESTAMP,
        columns::RECEIVED_AT,
        columns::REQUEST_ID,
        columns::MESSAGE,
        columns::STATUS_MESSAGE,
    ];
    !matches!(field, Field::Column(column) if own.contains(column))
}

impl Suggestion {
    /// A word of the language.
    fn word(word: String) -> Self {
        Self { shown: line(&word, 80), insert: word, count: None }
    }
}

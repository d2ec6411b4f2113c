//! What stands beside the table, each a fragment with an address of its own, so that the table waits for none of them: how many
//! events match, when they happened, which values they have.
//!
//! A page for a browser without script asks for all of it at once ([`Beside::load`]).

use askama::Template;
use auditwire_engine::search;
use axum::http::StatusCode;
use axum::response::Response;

use super::asked::Asked;
use super::chart::Chart;
use super::download;
use super::filter::Facet;
use super::menus::{self, Choices};
use super::query_of;
use super::view::View;
use crate::api::Problem;
use crate::console::form::Form;
use crate::console::page::page;
use crate::console::who::InProject;
use crate::console::words::Words;

/// Bars of the histogram.
const BARS: usize = 60;
/// Values that a menu offers.
const VALUES: usize = 50;

/// `1,234 events`.
#[derive(Template)]
#[template(path = "events/count.html")]
pub(super) struct Count {
    text: String,
    exact: bool,
    /// The list as a file does not hold all of them.
    pub(super) is_cut: bool,
}

/// All of it, for a page that waits.
pub(super) struct Beside {
    pub(super) count: Count,
    pub(super) chart: Chart,
    pub(super) choices: Vec<(Facet, Choices)>,
}

impl Beside {
    pub(super) async fn load(by: &InProject, view: &View) -> Result<Self, Problem> {
        let (count, chart) = tokio::try_join!(Count::load(by, view), Chart::load(by, view, BARS))?;
        let mut choices = Vec::new();
        for facet in Facet::EACH {
            choices.push((facet, offered(by, view, facet).await?));
        }
        Ok(Self { count, chart, choices })
    }
}

impl Count {
    async fn load(by: &InProject, view: &View) -> Result<Self, Problem> {
        let question = view.question(by.engine().clock.now());
        let found = search::count(by.engine(), by.caller(), &by.project.id, &question).await?;
        Ok(Self::of(by.words(), found.count, found.exact))
    }

    fn of(words: Words, count: u64, exact: bool) -> Self {
        let text = words.count(if exact { "events-count" } else { "events-count-partial" }, count);
        Self { text, exact, is_cut: count > download::ROWS as u64 }
    }
}

/// `GET …/events/count`, with the query of the list.
pub(super) async fn count(by: InProject) -> Result<Response, Problem> {
    let view = view_of(&by)?;
    page(&by, StatusCode::OK, &Count::load(&by, &view).await?)
}

/// `GET …/events/histogram`, with the query of the list.
pub(super) async fn histogram(by: InProject) -> Result<Response, Problem> {
    let view = view_of(&by)?;
    page(&by, StatusCode::OK, &Chart::load(&by, &view, BARS).await?)
}

/// `GET …/events/facets`, with the query of the list and `of=` the name of a filter.
pub(super) async fn facets(by: InProject) -> Result<Response, Problem> {
    let view = view_of(&by)?;
    let form = Form::parse(query_of(&by.visitor.guest.here).as_bytes());
    let facet = Facet::parse(form.text("of"));
    let facet =
        facet.ok_or_else(|| Problem::bad_request("unknown_filter", "there is no such filter").in_field("of"))?;
    page(&by, StatusCode::OK, &offered(&by, &view, facet).await?)
}

async fn offered(by: &InProject, view: &View, facet: Facet) -> Result<Choices, Problem> {
    let others = View { chosen: view.chosen.without(facet), ..view.clone() };
    let question = others.question(by.engine().clock.now());
    let found = search::facets(by.engine(), by.caller(), &by.project.id, &question, &facet.field(), VALUES).await?;
    Ok(menus::counted(&view.chosen, facet, &found, by.words()))
}

fn view_of(by: &InProject) -> Result<View, Problem> {
    Asked::read(query_of(&by.visitor.guest.here), &by.calendar(), by.words()).searchable()
}

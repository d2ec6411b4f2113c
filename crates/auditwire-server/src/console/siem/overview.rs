//! The connections of all projects, for the operator: those that are not well first.

use askama::Template;
use auditwire_engine::connections::{self, Overview, OverviewAsked, OverviewPlace, OverviewRow, OverviewTotals};
use auditwire_engine::delivery::Status;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use super::list::{Acknowledged, breakable};
use super::{codes, is_active, is_unverified, name_of, transport_name};
use crate::api::Problem;
use crate::console::form::Form;
use crate::console::page::{Frame, Section, page};
use crate::console::time::{Calendar, When};
use crate::console::urls::{self, Urls};
use crate::console::visible::line;
use crate::console::who::Visitor;
use crate::console::words::Words;

/// Connections on one page.
const PAGE: usize = 50;
/// Characters of a project's name.
const NAME: usize = 128;

#[derive(Template)]
#[template(path = "siem/overview.html")]
struct OverviewPage {
    frame: Frame,
    /// This very page.
    here: String,
    tallies: Vec<Tally>,
    /// What was looked for, and the status that was asked for.
    text: String,
    status: &'static str,
    /// All connections of this status; none when nothing is looked for.
    without_text: Option<String>,
    total: u64,
    matched: u64,
    rows: Vec<Row>,
    /// The first page; none on it.
    first: Option<String>,
    next: Option<String>,
}

/// How many connections have a status, and where they are shown.
struct Tally {
    class: &'static str,
    word: String,
    count: String,
    url: String,
    chosen: bool,
}

/// One connection.
struct Row {
    id: String,
    name: String,
    url: String,
    project: String,
    project_url: String,
    unverified: bool,
    status: &'static str,
    status_word: String,
    cause: Option<String>,
    lasting: Option<(String, When)>,
    /// In pieces between which a line may break.
    endpoint: Vec<String>,
    transport: String,
    backlog: Option<String>,
    oldest: Option<String>,
    acknowledged: Option<Acknowledged>,
    last_error: Option<(String, When)>,
}

/// `GET /connections?status=…&text=…&cursor=…`.
pub(super) async fn show(visitor: Visitor, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let form = Form::parse(query.unwrap_or_default().as_bytes());
    let (status, text, cursor) = (Status::parse(form.text("status")), form.text("text"), form.text("cursor"));
    let asked = OverviewAsked {
        statuses: status.into_iter().collect(),
        text: text.to_owned(),
        after: OverviewPlace::parse(cursor).ok(),
        limit: PAGE,
    };
    let found = connections::overview(visitor.engine(), visitor.caller(), &asked).await?;
    page(&visitor, StatusCode::OK, &OverviewPage::of(&visitor, status, &asked, &found))
}

impl OverviewPage {
    fn of(visitor: &Visitor, status: Option<Status>, asked: &OverviewAsked, found: &Overview) -> Self {
        let (words, calendar) = (visitor.guest.words, visitor.guest.calendar());
        let Overview { totals, matched, rows, next } = found;
        let (word, text) = (status.map_or("", Status::as_str), asked.text.as_str());
        let after = asked.after.as_ref().map(ToString::to_string).unwrap_or_default();
        Self {
            frame: Frame::new(visitor, Section::Connections, words.t("overview-title")),
            here: urls::overview(word, text, &after),
            tallies: tallies(words, *totals, status, text),
            text: text.to_owned(),
            status: word,
            without_text: (!text.is_empty()).then(|| urls::overview(word, "", "")),
            total: totals.all() as u64,
            matched: *matched as u64,
            rows: rows.iter().map(|row| Row::of(row, words, &calendar)).collect(),
            first: asked.after.as_ref().map(|_| urls::overview(word, text, "")),
            next: next.as_ref().map(|next| urls::overview(word, text, &next.to_string())),
        }
    }
}

/// All of them, then each status.
fn tallies(words: Words, totals: OverviewTotals, chosen: Option<Status>, text: &str) -> Vec<Tally> {
    let tally = |class: &'static str, key: &str, count: usize, chosen: bool| Tally {
        class,
        word: words.t(key),
        count: words.number(count as u64),
        url: urls::overview(class, text, ""),
        chosen,
    };
    let of = |status: Status| match status {
        Status::Failing => totals.failing,
        Status::Degraded => totals.degraded,
        Status::Active => totals.active,
        Status::Inactive => totals.inactive,
    };
    let each = Status::ALL.map(|status| {
        let word = status.as_str();
        tally(word, &format!("overview-{word}"), of(status), chosen == Some(status))
    });
    std::iter::once(tally("", "overview-all", totals.all(), chosen.is_none())).chain(each).collect()
}

impl Row {
    fn of(row: &OverviewRow, words: Words, calendar: &Calendar) -> Self {
        let OverviewRow { project, connection: view } = row;
        let (urls, delivery, is_active) = (Urls(&project.id), &view.delivery, is_active(view));
        let id = view.stored.id.to_string();
        let status = view.status.as_str();
        let last_error = delivery.last_error.as_ref();
        Self {
            name: name_of(view),
            url: urls.delivery(&id),
            project: line(&project.name, NAME),
            project_url: urls.siem(),
            unverified: is_unverified(view),
            status,
            status_word: words.t(&format!("status-{status}")),
            cause: codes::cause(words, view),
            lasting: is_active.then(|| (calendar.lasting(view.since), calendar.when(view.since))),
            endpoint: breakable(&view.stored.spec.endpoint.shown()),
            transport: transport_name(words, view.stored.spec.transport),
            backlog: is_active.then(|| words.number(delivery.backlog)),
            oldest: view.oldest_unacknowledged_age().map(|age| calendar.span(age)),
            acknowledged: Acknowledged::of(view, words, calendar, urls),
            last_error: last_error.map(|error| (codes::title(words, error.code), calendar.when(error.at))),
            id,
        }
    }
}

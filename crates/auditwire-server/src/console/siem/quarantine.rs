//! The quarantine of a connection: which events could not become a message, and why; sending them again, clearing the list.

use askama::Template;
use auditwire_engine::connections::{self, QuarantineEntry, QuarantinePage};
use auditwire_engine::replays;
use auditwire_model::Position;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use super::name_of;
use crate::api::{PathId, Problem};
use crate::console::form::{Form, Posted};
use crate::console::notice::Notice;
use crate::console::page::{Frame, Section, done, page};
use crate::console::time::When;
use crate::console::visible::line;
use crate::console::who::InProject;

/// Entries on one page.
const PAGE: usize = 50;
/// Characters of an action and of a reason.
const ACTION: usize = 100;
const REASON: usize = 400;

#[derive(Template)]
#[template(path = "siem/quarantine.html")]
struct QuarantineView {
    frame: Frame,
    events: String,
    list: String,
    name: String,
    /// Where its entries are sent again and cleared, and it is shown from its beginning.
    here: String,
    rows: Vec<Row>,
    total: u64,
    dropped: u64,
    newest: bool,
    older: Option<String>,
}

/// An event that was set aside.
#[derive(Debug)]
struct Row {
    seq: String,
    /// The event's page and its action; none when the log does not have it any more.
    event: Option<(String, String)>,
    at: When,
    reason: String,
    /// The page of the replay that is sending it again now.
    replay: Option<String>,
}

/// `GET /projects/{project}/settings/siem/connections/{id}/quarantine?before=…`.
pub(super) async fn show(by: InProject, PathId(id): PathId, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let form = Form::parse(query.unwrap_or_default().as_bytes());
    let before = form.text("before").parse().ok().map(Position);
    let (engine, caller, project) = (by.engine(), by.caller(), &by.project.id);
    let connection = connections::get(engine, caller, project, &id).await?;
    let found = connections::quarantine(engine, caller, project, &id, before, PAGE).await?;
    let QuarantinePage { entries, next, total, dropped } = found;
    let urls = by.urls();
    let template = QuarantineView {
        frame: Frame::new(&by, Section::Settings, by.words().t("quarantine-title")),
        events: urls.events(),
        list: urls.siem(),
        name: name_of(&connection),
        here: urls.quarantine(&id),
        rows: entries.into_iter().map(|entry| Row::of(entry, &by)).collect(),
        total: total as u64,
        dropped,
        newest: before.is_none(),
        older: next.map(|next| urls.quarantine_before(&id, next)),
    };
    page(&by, StatusCode::OK, &template)
}

impl Row {
    fn of(entry: QuarantineEntry, by: &InProject) -> Self {
        let QuarantineEntry { quarantined, event } = entry;
        let (url, replay) = (by.urls().event(quarantined.seq), quarantined.replay.as_deref());
        Self {
            seq: quarantined.seq.to_string(),
            event: event.map(|(action, _)| (url, line(&action, ACTION))),
            replay: replay.map(|replay| by.urls().replay_state(replay)),
            at: by.calendar().when(quarantined.at),
            reason: line(&quarantined.reason, REASON),
        }
    }
}

/// `POST /projects/{project}/settings/siem/connections/{id}/quarantine`: the entries of `seq`, or all, are cleared (`clear`) or sent again
/// (`resend`).
pub(super) async fn change(PathId(id): PathId, Posted { by, form }: Posted<InProject>) -> Result<Response, Problem> {
    let seqs: Vec<Position> = form.all("seq").filter_map(|seq| seq.parse().ok()).map(Position).collect();
    let all = [form.text("clear"), form.text("resend")].contains(&"all");
    let chosen = if all { None } else { Some(seqs.as_slice()) };
    if form.has("resend") {
        return resend(&by, &id, chosen).await;
    }
    let deleted = connections::delete_quarantined(by.engine(), by.caller(), &by.project.id, &id, chosen).await?;
    let notice = match deleted {
        0 => Notice::warning("quarantine-none", ""),
        n => Notice::new("quarantine-cleared", "").and("n", n),
    };
    Ok(done(&by.visitor.guest, &by.urls().quarantine(&id), Some(&notice)))
}

/// Leads to the page of the replay, or says why there is none.
async fn resend(by: &InProject, id: &str, chosen: Option<&[Position]>) -> Result<Response, Problem> {
    let (guest, urls) = (&by.visitor.guest, by.urls());
    match replays::resend(by.engine(), by.caller(), &by.project.id, id, chosen, None).await {
        Ok(begun) => Ok(done(guest, &urls.replay_state(&begun.stored.id), Some(&Notice::new("replay-begun", "")))),
        Err(error) => {
            let key = match error.code {
                "nothing_quarantined" => "quarantine-resend-none",
                "not_active" => "quarantine-resend-inactive",
                "replay_running" => "quarantine-resend-running",
                _ => return Err(error.into()),
            };
            Ok(done(guest, &urls.quarantine(id), Some(&Notice::warning(key, ""))))
        }
    }
}

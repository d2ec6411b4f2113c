//! One replay: how far it has come, refreshed while it lasts; pause, resume, cancel.

use askama::Template;
use auditwire_engine::connections;
use auditwire_engine::records::{Replay, ReplayState};
use auditwire_engine::replays::{self, ReplayView};
use auditwire_model::connection::Format;
use axum::http::StatusCode;
use axum::response::Response;

use super::list::{class, matched, range, word};
use crate::api::{PathId, Problem};
use crate::console::form::Posted;
use crate::console::notice::Notice;
use crate::console::page::{Frame, Section, done, page};
use crate::console::siem::codes;
use crate::console::siem::name_of;
use crate::console::time::When;
use crate::console::visible::line;
use crate::console::who::InProject;
use crate::console::words::Words;

/// Characters of a query, of who asked, and of an error's text.
const QUERY: usize = 1000;
const BY: usize = 128;
const ERROR: usize = 400;
/// Seconds after which the page loads itself again without script.
const RELOAD: u32 = 5;

#[derive(Template)]
#[template(path = "siem/replay_state.html")]
struct StatePage {
    frame: Frame,
    events: String,
    list: String,
    /// The connection and its page of replays; none when it was deleted.
    connection: Option<(String, String)>,
    here: String,
    id: String,
    status: &'static str,
    word: String,
    /// It has not ended.
    lasts: bool,
    is_paused: bool,
    /// Why it does not send although it runs, and what to do about it.
    waits: Option<(String, Option<String>)>,
    /// Whole numbers for the bar.
    done: u64,
    of: u64,
    sent: String,
    matched: String,
    pace: Option<String>,
    left: Option<String>,
    limit: String,
    range: String,
    query: Option<String>,
    resent: String,
    /// Zero is not worth a line.
    unsendable: Option<String>,
    /// How its messages are told from others.
    mark: String,
    begun: When,
    ended: Option<When>,
    by: String,
    last_error: Option<(String, When)>,
}

/// `GET /projects/{project}/settings/siem/replays/{id}`.
pub(in crate::console::siem) async fn show(by: InProject, PathId(id): PathId) -> Result<Response, Problem> {
    let view = replays::get(by.engine(), by.caller(), &by.project.id, &id).await?;
    let to = view.stored.connection.as_str();
    let connection = connections::get(by.engine(), by.caller(), &by.project.id, to).await.ok();
    let (words, calendar, urls, stored) = (by.words(), by.calendar(), by.urls(), &view.stored);
    let lasts = !stored.state.is_over();
    let mut frame = Frame::new(&by, Section::Settings, words.with("replay-state-title", "id", line(&stored.id, BY)));
    frame.reload = lasts.then_some(RELOAD);
    let runs = stored.state == ReplayState::Running && view.cause.is_none();
    let (done, of) = bar(stored);
    let format = connection.as_ref().map(|connection| connection.stored.spec.format);
    let template = StatePage {
        frame,
        events: urls.events(),
        list: urls.siem(),
        connection: connection.as_ref().map(|view| (name_of(view), urls.replay(to))),
        here: urls.replay_state(&stored.id),
        id: stored.id.clone(),
        status: if waits(&view) { "degraded" } else { class(stored.state) },
        word: if waits(&view) { words.t("status-replay-waiting") } else { word(words, stored.state) },
        lasts,
        is_paused: stored.state == ReplayState::Paused,
        waits: view.cause.filter(|_| waits(&view)).map(|code| why(words, code)),
        done,
        of,
        sent: words.number(stored.progress.sent),
        matched: matched(words, stored),
        pace: runs.then(|| words.with("siem-rate-value", "rate", words.roughly(view.rate))),
        left: view.left().map(|left| calendar.span(left)),
        limit: words.with("siem-rate-value", "rate", words.number(stored.rate.into())),
        range: range(words, &calendar, stored),
        query: stored.query.as_deref().map(|query| line(query, QUERY)),
        resent: words.number(stored.progress.resent),
        unsendable: Some(stored.progress.quarantined).filter(|n| *n > 0).map(|n| words.number(n)),
        mark: mark(format, &stored.id),
        begun: calendar.when(stored.created_at),
        ended: stored.ended_at.map(|at| calendar.when(at)),
        by: line(&stored.by, BY),
        last_error: view.last_error.as_ref().map(|e| (line(&e.message, ERROR), calendar.when(e.at))),
    };
    page(&by, StatusCode::OK, &template)
}

/// It would send if it could.
fn waits(view: &ReplayView) -> bool {
    view.stored.state == ReplayState::Running && view.cause.is_some()
}

/// How full the bar is. What was counted and what is there may differ a little; one that is done is full.
fn bar(replay: &Replay) -> (u64, u64) {
    let passed = replay.progress.sent + replay.progress.quarantined;
    let of = replay.matched.max(passed).max(1);
    (if replay.state == ReplayState::Done { of } else { passed }, of)
}

fn why(words: Words, code: &str) -> (String, Option<String>) {
    if code == "not_active" {
        return (words.t("replay-waits-inactive"), Some(words.t("replay-waits-inactive-remedy")));
    }
    let said = words.find(&format!("cause-{code}")).unwrap_or_else(|| codes::title(words, code));
    (words.with("replay-waits", "cause", said), codes::cause_remedy(words, code))
}

/// What stands in each message, in the words of the connection's format (`docs/formats/wire.md`).
fn mark(format: Option<Format>, id: &str) -> String {
    match format {
        Some(Format::Cef) => format!("cn3=0 AuditwireCloudAuditReplay={id}"),
        Some(Format::Leef) => format!("n=0 replay={id}"),
        Some(Format::Json) => format!("\"n\":0,\"replay\":\"{id}\""),
        Some(Format::Rfc5424) | None => format!("n=\"0\" replay=\"{id}\""),
    }
}

/// `POST /projects/{project}/settings/siem/replays/{id}`: `to` is `pause`, `resume` or `cancel`.
pub(in crate::console::siem) async fn change(
    PathId(id): PathId,
    Posted { by, form }: Posted<InProject>,
) -> Result<Response, Problem> {
    let (engine, caller, project) = (by.engine(), by.caller(), &by.project.id);
    let changed = match form.text("to") {
        "pause" => replays::pause(engine, caller, project, &id).await,
        "resume" => replays::resume(engine, caller, project, &id).await,
        "cancel" => replays::cancel(engine, caller, project, &id).await,
        _ => replays::get(engine, caller, project, &id).await,
    };
    let notice = match changed {
        Ok(_) => None,
        // It came to its end before the button was pressed: the page says so.
        Err(error) if error.code == "replay_over" => Some(Notice::warning("replay-over", "")),
        Err(error) => return Err(error.into()),
    };
    Ok(done(&by.visitor.guest, &by.urls().replay_state(&id), notice.as_ref()))
}

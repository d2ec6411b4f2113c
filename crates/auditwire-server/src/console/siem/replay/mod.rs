//! Sending a part of the log again to the active connection: what is to be sent, how much that is and how long it takes, and the
//! replays that were. [`state`] is the page of one replay.

mod asked;
mod list;
pub(super) mod state;

use askama::Template;
use auditwire_engine::connections;
use auditwire_engine::error::Error;
use auditwire_engine::replays::{self, Estimate};
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use self::asked::Asked;
use self::list::Past;
use super::{is_active, name_of};
use crate::api::{PathId, Problem};
use crate::console::explain::Mistake;
use crate::console::form::{Form, FormErrors, Posted};
use crate::console::notice::Notice;
use crate::console::page::{Frame, Section, done, page};
use crate::console::who::InProject;

#[derive(Template)]
#[template(path = "siem/replay.html")]
struct ReplayPage {
    frame: Frame,
    errors: FormErrors,
    links: Links,
    name: String,
    endpoint: String,
    is_active: bool,
    /// The replay of the project that is under way.
    under_way: Option<String>,
    asked: Asked,
    /// Quick ranges: code, text, whether it is chosen.
    ranges: Vec<(&'static str, String, bool)>,
    mistake: Option<(Mistake, Option<String>)>,
    /// What would be sent, in words; none when that cannot be said.
    sends: Option<String>,
    past: Vec<Past>,
}

/// Addresses on the page.
#[derive(Debug)]
struct Links {
    events: String,
    list: String,
    here: String,
    complete: String,
}

/// `GET /projects/{project}/settings/siem/connections/{id}/replay?range=…&from=…&to=…&q=…&rate=…`.
pub(super) async fn show(by: InProject, PathId(id): PathId, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let asked = Asked::read(&Form::parse(query.unwrap_or_default().as_bytes()));
    form_page(&by, &id, asked, StatusCode::OK, None).await
}

/// `POST /projects/{project}/settings/siem/connections/{id}/replay`.
pub(super) async fn begin(PathId(id): PathId, Posted { by, form }: Posted<InProject>) -> Result<Response, Problem> {
    let asked = Asked::read(&form);
    let now = by.engine().clock.now();
    let Ok(new) = asked.to_replay(now, &by.calendar(), by.words()) else {
        return form_page(&by, &id, asked, StatusCode::UNPROCESSABLE_ENTITY, None).await;
    };
    match replays::begin(by.engine(), by.caller(), &by.project.id, &id, &new, None).await {
        Ok(begun) => {
            let notice = Notice::new("replay-begun", "");
            Ok(done(&by.visitor.guest, &by.urls().replay_state(&begun.stored.id), Some(&notice)))
        }
        Err(error) => form_page(&by, &id, asked, StatusCode::UNPROCESSABLE_ENTITY, Some(error)).await,
    }
}

/// The form. `refused` is why a replay was not begun; without it, what would be sent is counted.
async fn form_page(
    by: &InProject,
    id: &str,
    asked: Asked,
    mut status: StatusCode,
    refused: Option<Error>,
) -> Result<Response, Problem> {
    let (engine, caller, project, words) = (by.engine(), by.caller(), &by.project.id, by.words());
    let connection = connections::get(engine, caller, project, id).await?;
    let all = replays::list(engine, caller, project).await?;
    let under_way = all.iter().find(|replay| !replay.stored.state.is_over());
    let (mut errors, mut mistake, mut sends) = (FormErrors::none(), None, None);
    let judged = match (asked.to_replay(engine.clock.now(), &by.calendar(), words), refused) {
        (Err(wrong), _) => {
            errors = wrong;
            None
        }
        (Ok(_), Some(refused)) => Some(Err(refused)),
        (Ok(new), None) if is_active(&connection) => Some(replays::estimate(engine, caller, project, id, &new).await),
        (Ok(_), None) => None,
    };
    match judged {
        Some(Ok(estimate)) => sends = Some(told(by, &estimate)),
        Some(Err(error)) => match error.query.as_deref().filter(|_| error.field.as_deref() == Some("q")) {
            Some(wrong) => mistake = Some(mistaken(by, id, &asked, Mistake::of(words, &asked.q, wrong))),
            None => {
                let problem = Problem::from(error);
                errors = FormErrors::of_problem(words, &problem)?;
                status = if status == StatusCode::OK { status } else { problem.status() };
            }
        },
        None => {}
    }
    let (urls, name) = (by.urls(), name_of(&connection));
    let template = ReplayPage {
        frame: Frame::new(by, Section::Settings, words.with("replay-title", "name", name.clone())),
        errors,
        links: Links { events: urls.events(), list: urls.siem(), here: urls.replay(id), complete: urls.complete("") },
        endpoint: connection.stored.spec.endpoint.shown(),
        is_active: is_active(&connection),
        under_way: under_way.map(|replay| urls.replay_state(&replay.stored.id)),
        ranges: asked.ranges(words),
        mistake,
        sends,
        past: Past::of(by, all.iter().filter(|replay| replay.stored.connection.as_str() == id)),
        asked,
        name,
    };
    page(by, status, &template)
}

fn told(by: &InProject, estimate: &Estimate) -> String {
    let words = by.words();
    let key = match estimate {
        Estimate { matched: 0, exact: true, .. } => return words.t("replay-sends-nothing"),
        Estimate { exact: true, .. } => "replay-sends",
        Estimate { exact: false, .. } => "replay-sends-least",
    };
    let values = [("n", estimate.matched.to_string()), ("span", by.calendar().span(estimate.lasts()))];
    words.with_all(key, &values)
}

/// A mistake, and the form with its repair.
fn mistaken(by: &InProject, id: &str, asked: &Asked, mistake: Mistake) -> (Mistake, Option<String>) {
    let repaired = mistake.repair.as_ref().map(|repair| {
        let asked = Asked { q: repair.query.clone(), ..asked.clone() };
        format!("{}?{}", by.urls().replay(id), asked.address())
    });
    (mistake, repaired)
}

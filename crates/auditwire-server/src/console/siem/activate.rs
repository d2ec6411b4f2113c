//! The form under a finished check: where to begin, and the activation.

use auditwire_engine::connections::Start;
use auditwire_engine::connections::{self, ActivateError, Activation, CheckState, ConnectionView, StartChoice};
use auditwire_model::ConnectionId;
use axum::http::StatusCode;
use axum::response::Response;

use super::check::{Asked, check_page};
use super::{is_active, name_of};
use crate::api::{PathId, Problem};
use crate::console::form::{Form, FormErrors, Posted};
use crate::console::notice::Notice;
use crate::console::page::{done, go};
use crate::console::time::Calendar;
use crate::console::who::InProject;
use crate::console::words::Words;

/// How far back the form offers to begin, until another time is typed.
const DAY_NANOS: i64 = 86_400_000_000_000;

/// What the form shows.
#[derive(Debug)]
pub(super) struct ActivationForm {
    pub(super) choices: Vec<Choice>,
    /// The other connection, which is active now.
    pub(super) stops: Option<String>,
    /// The check did not pass: a second confirmation is asked for.
    pub(super) despite: bool,
    /// It passed too long ago, or for other settings: it is repeated.
    pub(super) checks_again: bool,
    /// The chosen time, as the field takes it.
    pub(super) from: String,
}

/// A beginning to choose.
#[derive(Debug)]
pub(super) struct Choice {
    /// The word that is sent.
    pub(super) word: &'static str,
    pub(super) label: String,
    pub(super) help: String,
    /// How many events it sends, in words; `None` until a time is given.
    pub(super) sends: Option<String>,
    pub(super) chosen: bool,
}

/// Whom a take-over would take over from.
#[derive(Debug)]
struct Source {
    name: Option<String>,
    is_active: bool,
}

impl ActivationForm {
    /// Of what is possible now.
    pub(super) async fn of(
        by: &InProject,
        view: &ConnectionView,
        state: &CheckState,
        asked: &Asked,
    ) -> Result<Self, Problem> {
        let (engine, caller, project, calendar) = (by.engine(), by.caller(), &by.project.id, by.calendar());
        let time = if asked.start == "from" { calendar.read_input(&asked.from) } else { None };
        let possible = connections::start_choices(engine, caller, project, view.stored.id.as_str(), time).await?;
        let others = connections::list(engine, caller, project).await?;
        let name = |id: &ConnectionId| others.iter().find(|other| other.stored.id == *id).map(name_of);
        let (words, active) = (by.words(), others.iter().find(|other| is_active(other)));
        let source = Source {
            name: possible.take_over_from.as_ref().and_then(name),
            is_active: active.is_some_and(|active| Some(&active.stored.id) == possible.take_over_from.as_ref()),
        };
        let mut choices: Vec<Choice> = Vec::with_capacity(4);
        for choice in &possible.choices {
            choices.extend(Choice::of(words, choice, &source));
        }
        choices.push(Choice::from_time(words, &calendar, possible.choices.iter().find(|c| is_from(c.start))));
        let offered = |word: &str| choices.iter().any(|choice| choice.word == word);
        let chosen = if offered(&asked.start) { asked.start.as_str() } else { word(possible.default) }.to_owned();
        choices.iter_mut().for_each(|choice| choice.chosen = choice.word == chosen);
        let is_current = state.revision == view.stored.revision;
        Ok(Self {
            choices,
            stops: active.map(name_of),
            despite: is_current && !state.ok,
            checks_again: !(state.counts || is_current && !state.ok),
            from: if asked.from.is_empty() { a_day_ago(by, &calendar) } else { asked.from.clone() },
        })
    }
}

impl Choice {
    /// `None` for a time, which has a field of its own.
    fn of(words: Words, choice: &StartChoice, source: &Source) -> Option<Self> {
        let (label, help) = match (choice.start, &source.name) {
            (Start::Continue, _) => (words.t("activate-continue"), words.t("activate-continue-help")),
            (Start::TakeOver, Some(name)) => {
                (words.with("activate-take-over", "name", name.as_str()), words.t("activate-take-over-help"))
            }
            (Start::TakeOver, None) => (words.t("activate-take-over-deleted"), words.t("activate-take-over-help")),
            (Start::Now, _) => (words.t("activate-now"), words.t("activate-now-help")),
            (Start::Default | Start::From(_), _) => return None,
        };
        // Its receiver may still confirm more of what it got when it is stopped.
        let sends = Some(match choice.start {
            Start::TakeOver if source.is_active && choice.exact => words.count("activate-sends-most", choice.will_send),
            _ => sends(words, choice),
        });
        Some(Self { word: word(choice.start), label, help, sends, chosen: false })
    }

    fn from_time(words: Words, calendar: &Calendar, counted: Option<&StartChoice>) -> Self {
        Self {
            word: "from",
            label: words.t("activate-from"),
            help: words.with("activate-from-help", "zone", calendar.zone_name()),
            sends: counted.map(|choice| sends(words, choice)),
            chosen: false,
        }
    }
}

fn sends(words: Words, choice: &StartChoice) -> String {
    words.count(if choice.exact { "activate-sends" } else { "activate-sends-least" }, choice.will_send)
}

fn word(start: Start) -> &'static str {
    match start {
        Start::Continue => "continue",
        Start::TakeOver => "take_over",
        Start::Now | Start::Default => "now",
        Start::From(_) => "from",
    }
}

fn is_from(start: Start) -> bool {
    matches!(start, Start::From(_))
}

fn a_day_ago(by: &InProject, calendar: &Calendar) -> String {
    calendar.input(by.engine().clock.now().saturating_add_nanos(-DAY_NANOS))
}

/// `POST /projects/{project}/settings/siem/connections/{id}/activate`. Its other buttons: `count` shows how many events the
/// chosen time means, `inactive` leaves the connection as it is.
pub(super) async fn activate(PathId(id): PathId, Posted { by, form }: Posted<InProject>) -> Result<Response, Problem> {
    let (guest, urls, asked) = (&by.visitor.guest, by.urls(), Asked::read(&form));
    let (engine, caller, project) = (by.engine(), by.caller(), &by.project.id);
    let view = connections::get(engine, caller, project, &id).await?;
    if form.has("inactive") || is_active(&view) {
        let key = if is_active(&view) { "siem-active-already" } else { "siem-kept" };
        return Ok(done(guest, &urls.siem(), Some(&Notice::new(key, name_of(&view)))));
    }
    if form.has("count") {
        return Ok(go(&urls.check_with(&id, "from", &asked.from)));
    }
    let start = match read_start(&form, &by.calendar(), by.words()) {
        Ok(start) => start,
        Err(errors) => return check_page(&by, &id, &asked, StatusCode::UNPROCESSABLE_ENTITY, errors).await,
    };
    match connections::activate(engine, caller, project, &id, Some(start), form.has("despite")).await {
        Ok(activation) => {
            let notice = activated(&by, &activation).await;
            Ok(done(guest, &urls.siem(), Some(&notice)))
        }
        Err(ActivateError::CheckFailed(_)) => {
            let notice = Notice::warning("siem-check-failed", name_of(&view));
            Ok(done(guest, &urls.check_with(&id, &asked.start, &asked.from), Some(&notice)))
        }
        Err(ActivateError::Other(error)) => {
            let problem = Problem::from(error);
            if matches!(problem.status(), StatusCode::NOT_FOUND | StatusCode::FORBIDDEN) {
                return Err(problem);
            }
            let errors = FormErrors::of_problem(by.words(), &problem)?;
            check_page(&by, &id, &asked, problem.status(), errors).await
        }
    }
}

async fn activated(by: &InProject, activation: &Activation) -> Notice {
    let name = name_of(&activation.connection);
    let other = match &activation.stopped {
        Some(other) => connections::get(by.engine(), by.caller(), &by.project.id, other.as_str()).await.ok(),
        None => None,
    };
    // What took too long to count is at least as many.
    match (other, activation.exact) {
        (Some(other), true) => Notice::new("siem-activated-instead", name).and("other", name_of(&other)),
        (Some(other), false) => Notice::new("siem-activated-instead-least", name).and("other", name_of(&other)),
        (None, true) => Notice::new("siem-activated", name),
        (None, false) => Notice::new("siem-activated-least", name),
    }
    .and("n", activation.will_send)
}

fn read_start(form: &Form, calendar: &Calendar, words: Words) -> Result<Start, FormErrors> {
    let wrong = |field: &str, key: &str| {
        let mut errors = FormErrors::none().and(field, words.t(key));
        errors.general.push(words.t(key));
        Err(errors)
    };
    match form.text("start") {
        "continue" => Ok(Start::Continue),
        "take_over" => Ok(Start::TakeOver),
        "now" => Ok(Start::Now),
        "from" => match calendar.read_input(form.text("from")) {
            Some(time) => Ok(Start::From(time)),
            None => wrong("from", "activate-no-from"),
        },
        _ => wrong("start", "activate-no-start"),
    }
}

//! A connection's check, stage by stage while it runs, and what to do when it is done.

use askama::Template;
use auditwire_engine::connections::{self, CheckState, ConnectionView};
use auditwire_engine::delivery::check::{Stage, StageReport};
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use super::activate::ActivationForm;
use super::codes::{self, Told};
use super::{is_active, is_unverified, name_of, transport_name};
use crate::api::{PathId, Problem};
use crate::console::form::{Form, FormErrors};
use crate::console::page::{Frame, Section, page};
use crate::console::time::When;
use crate::console::visible::visible;
use crate::console::who::InProject;
use crate::console::words::Words;

#[derive(Template)]
#[template(path = "siem/check.html")]
struct CheckPage {
    frame: Frame,
    errors: FormErrors,
    links: Links,
    endpoint: String,
    transport: String,
    unverified: bool,
    is_active: bool,
    running: bool,
    /// Something was checked, now or before.
    checked: bool,
    summary: Summary,
    stages: Vec<StageRow>,
    activation: Option<ActivationForm>,
}

#[derive(Debug)]
struct Links {
    events: String,
    list: String,
    check: String,
    configure: String,
    activate: String,
}

/// What it came to, above the stages.
#[derive(Debug)]
struct Summary {
    /// Class of the notice.
    tone: &'static str,
    icon: &'static str,
    title: String,
    text: String,
    /// The text ends with the name of the event to look for in the SIEM.
    names_event: bool,
    at: Option<When>,
}

/// A stage on the page.
#[derive(Debug)]
struct StageRow {
    name: String,
    progress: Progress,
    word: String,
    took: Option<String>,
    /// What a code other than `ok` means, and the code.
    meaning: Option<(String, String)>,
    seen: Option<Told>,
    remedy: Option<Told>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Waiting,
    Running,
    Passed,
    Failed,
    Doubtful,
    LeftOut,
}

/// What the visitor has chosen so far of the activation's form, as its fields send it.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pub(super) start: String,
    pub(super) from: String,
}

impl Asked {
    pub(super) fn read(form: &Form) -> Self {
        Self { start: form.text("start").to_owned(), from: form.text("from").to_owned() }
    }
}

/// `GET /projects/{project}/settings/siem/connections/{id}/check?start=…&from=…`.
pub(super) async fn show(by: InProject, PathId(id): PathId, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let asked = Asked::read(&Form::parse(query.unwrap_or_default().as_bytes()));
    check_page(&by, &id, &asked, StatusCode::OK, FormErrors::none()).await
}

/// The page, with what is wrong with the form that was sent.
pub(super) async fn check_page(
    by: &InProject,
    id: &str,
    asked: &Asked,
    status: StatusCode,
    errors: FormErrors,
) -> Result<Response, Problem> {
    let view = connections::get(by.engine(), by.caller(), &by.project.id, id).await?;
    let state = connections::check_state(by.engine(), by.caller(), &by.project.id, id).await?;
    let (words, urls, id) = (by.words(), by.urls(), view.stored.id.as_str());
    let running = state.as_ref().is_some_and(|state| state.running);
    let activation = match &state {
        Some(state) if !running && !is_active(&view) => Some(ActivationForm::of(by, &view, state, asked).await?),
        _ => None,
    };
    let title = words.with("check-title", "name", name_of(&view));
    let mut frame = Frame::new(by, Section::Settings, title);
    if running {
        frame = frame.reloading();
    }
    let template = CheckPage {
        frame,
        errors,
        links: Links {
            events: urls.events(),
            list: urls.siem(),
            check: urls.check(id),
            configure: urls.connection(id),
            activate: urls.activate(id),
        },
        endpoint: view.stored.spec.endpoint.shown(),
        transport: transport_name(words, view.stored.spec.transport),
        unverified: is_unverified(&view),
        is_active: is_active(&view),
        running,
        checked: state.is_some(),
        summary: Summary::of(by, &view, state.as_ref()),
        stages: state.as_ref().map(|state| rows(words, state)).unwrap_or_default(),
        activation,
    };
    page(by, status, &template)
}

impl Summary {
    fn of(by: &InProject, view: &ConnectionView, state: Option<&CheckState>) -> Self {
        let words = by.words();
        let told = |tone, icon, title: String, text: &str| {
            let at = state.filter(|state| !state.running).map(|state| by.calendar().when(state.at));
            Self { tone, icon, title, text: words.t(text), names_event: false, at }
        };
        let Some(state) = state else { return told("", "info", words.t("check-none"), "check-none-text") };
        match state {
            CheckState { running: true, .. } => told("", "clock", words.t("check-running"), "check-running-text"),
            _ if state.revision != view.stored.revision => {
                told("warn", "warning", words.t("check-outdated"), "check-outdated-text")
            }
            CheckState { ok: true, confirmed: true, .. } => {
                let passed = told("good", "check", words.t("check-passed"), "check-passed-text");
                Self { names_event: true, ..passed }
            }
            CheckState { ok: true, .. } => {
                let doubtful = told("warn", "warning", words.t("check-doubtful"), "check-doubtful-text");
                Self { names_event: true, ..doubtful }
            }
            CheckState { stages, .. } => {
                let cause = stages.last().map_or_else(String::new, |stage| codes::title(words, &stage.code));
                told("bad", "cross", words.with("check-failed", "cause", cause), "check-failed-text")
            }
        }
    }

    fn failed(&self) -> bool {
        self.tone == "bad"
    }
}

/// All stages: those that have ended, the one that runs, those that wait or were not reached.
fn rows(words: Words, state: &CheckState) -> Vec<StageRow> {
    let ended = |stage: Stage| state.stages.iter().find(|report| report.stage == stage);
    let next = state.expected.iter().find(|stage| ended(**stage).is_none());
    let row = |stage: &Stage| match ended(*stage) {
        Some(report) => StageRow::ended(words, report),
        None if !state.running => StageRow::without_report(words, *stage, Progress::LeftOut),
        None if Some(stage) == next => StageRow::without_report(words, *stage, Progress::Running),
        None => StageRow::without_report(words, *stage, Progress::Waiting),
    };
    state.expected.iter().map(row).collect()
}

impl StageRow {
    fn without_report(words: Words, stage: Stage, progress: Progress) -> Self {
        let name = words.t(&format!("stage-{}", stage.as_str()));
        let word = words.t(&format!("stage-is-{}", progress.class()));
        Self { name, progress, word, took: None, meaning: None, seen: None, remedy: None }
    }

    fn ended(words: Words, report: &StageReport) -> Self {
        let progress = match (report.ok, &*report.code) {
            (true, "ok") => Progress::Passed,
            (true, _) => Progress::Doubtful,
            (false, _) => Progress::Failed,
        };
        let meaning =
            (progress != Progress::Passed).then(|| (codes::title(words, &report.code), report.code.to_string()));
        Self {
            took: Some(codes::took(words, report.took)),
            meaning,
            // A peer says of itself what it likes (names in its certificate).
            seen: Some(codes::engines(words, &visible(&report.message))),
            remedy: codes::remedy(words, report),
            ..Self::without_report(words, report.stage, progress)
        }
    }
}

impl Progress {
    fn class(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Doubtful => "doubtful",
            Self::LeftOut => "left-out",
        }
    }

    fn is_running(self) -> bool {
        self == Self::Running
    }

    /// Its picture; `None` for a spinner or an empty dot.
    fn icon(self) -> Option<&'static str> {
        match self {
            Self::Passed => Some("check"),
            Self::Failed => Some("cross"),
            Self::Doubtful => Some("warning"),
            Self::Waiting | Self::Running | Self::LeftOut => None,
        }
    }
}

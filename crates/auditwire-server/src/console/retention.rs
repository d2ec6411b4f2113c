//! Event log → Settings → Retention: how long the project's events are kept, what the operator's floor is, and the reduction that
//! waits.

use askama::Template;
use auditwire_engine::log::Retention;
use auditwire_engine::records::KeptFor;
use auditwire_engine::retention::{self, RetentionView};
use axum::http::StatusCode;
use axum::response::Response;

use super::form::{Form, FormErrors, Posted};
use super::notice::Notice;
use super::page::{Frame, Section, done, page};
use super::time::When;
use super::who::InProject;
use super::words::Words;
use crate::api::Problem;

const MIB: u64 = 1 << 20;

#[derive(Template)]
#[template(path = "retention/retention.html")]
struct RetentionPage {
    frame: Frame,
    errors: FormErrors,
    events: String,
    here: String,
    /// What holds and, where there is one, the floor; in sentences.
    holds: Limits,
    floor: Option<String>,
    pending: Option<Waiting>,
    expired: Option<Gone>,
    days: Choice,
    bytes: Choice,
    /// How long a reduction waits.
    delay: String,
}

/// Two limits in words.
struct Limits {
    days: String,
    bytes: String,
}

/// The reduction that waits.
struct Waiting {
    limits: Limits,
    at: When,
}

/// What is gone.
struct Gone {
    events: u64,
    through: u64,
    at: When,
}

/// What the form says of one limit.
struct Choice {
    /// `default`, `none` or `limit`.
    kind: String,
    number: String,
    /// What `default` means.
    default: String,
}

/// `GET /projects/{project}/settings/retention`.
pub(super) async fn show(by: InProject) -> Result<Response, Problem> {
    retention_page(&by, StatusCode::OK, FormErrors::none(), None).await
}

/// `POST /projects/{project}/settings/retention`: `do` is `save` or `cancel`.
pub(super) async fn change(Posted { by, form }: Posted<InProject>) -> Result<Response, Problem> {
    let (engine, caller, project) = (by.engine(), by.caller(), &by.project.id);
    let changed = match form.text("do") {
        "cancel" => retention::cancel(engine, caller, project).await.map(|()| "retention-cancelled"),
        _ => match wanted(by.words(), &form) {
            Ok(wanted) => retention::set(engine, caller, project, wanted).await.map(|view| told(&view)),
            Err(errors) => return retention_page(&by, StatusCode::BAD_REQUEST, errors, Some(&form)).await,
        },
    };
    match changed {
        Ok(notice) => Ok(done(&by.visitor.guest, &by.urls().retention(), Some(&Notice::new(notice, "")))),
        Err(error) => {
            let problem = Problem::from(error);
            let errors = FormErrors::of_problem(by.words(), &problem)?;
            retention_page(&by, problem.status(), errors, Some(&form)).await
        }
    }
}

fn told(view: &RetentionView) -> &'static str {
    if view.pending.is_some() { "retention-waits" } else { "retention-saved" }
}

/// What the form asks for; `bytes` are MiB in it.
fn wanted(words: Words, form: &Form) -> Result<KeptFor, FormErrors> {
    let number = |name: &str| match form.text(name).parse::<u64>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(FormErrors::none().and(name, words.t("retention-number"))),
    };
    let limit = |name: &str| match form.text(&format!("{name}_kind")) {
        "limit" => number(name).map(Some),
        "none" => Ok(Some(0)),
        _ => Ok(None),
    };
    let (days, mib) = (limit("days")?, limit("bytes")?);
    // More than there can be is refused by the engine like everything that is too much.
    let days = days.map(|days| u32::try_from(days).unwrap_or(u32::MAX));
    Ok(KeptFor { days, bytes: mib.map(|mib| mib.saturating_mul(MIB)) })
}

async fn retention_page(
    by: &InProject,
    status: StatusCode,
    errors: FormErrors,
    typed: Option<&Form>,
) -> Result<Response, Problem> {
    let (engine, words, calendar) = (by.engine(), by.words(), by.calendar());
    let view = retention::get(engine, by.caller(), &by.project.id).await?;
    let rule = engine.settings.log.retention;
    let default = limits(words, rule.holds(KeptFor::default()));
    let typed_choice = |name: &str, set: Option<u64>, default: String| match typed {
        Some(form) => {
            Choice { kind: form.text(&format!("{name}_kind")).to_owned(), number: form.text(name).to_owned(), default }
        }
        None => Choice::of(set, default),
    };
    let template = RetentionPage {
        frame: Frame::new(by, Section::Settings, words.t("siem-title")),
        errors,
        events: by.urls().events(),
        here: by.urls().retention(),
        holds: limits(words, view.holds),
        floor: floor(words, &view),
        pending: view.pending.map(|p| Waiting { limits: limits(words, p.holds), at: calendar.when(p.at) }),
        expired: view.expired.map(|e| Gone { events: e.events, through: e.through.0, at: calendar.when(e.at) }),
        days: typed_choice("days", view.set.days.map(u64::from), default.days),
        bytes: typed_choice("bytes", view.set.bytes.map(|bytes| bytes.div_ceil(MIB)), default.bytes),
        delay: calendar.span(rule.reduction_delay),
    };
    page(by, status, &template)
}

impl Choice {
    fn of(set: Option<u64>, default: String) -> Self {
        let (kind, number) = match set {
            None => ("default", String::new()),
            Some(0) => ("none", String::new()),
            Some(number) => ("limit", number.to_string()),
        };
        Self { kind: kind.to_owned(), number, default }
    }

    fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }
}

fn limits(words: Words, holds: Retention) -> Limits {
    Limits {
        days: holds.days().map_or_else(|| words.t("retention-for-ever"), |days| words.count("retention-days", days)),
        bytes: holds.bytes.map_or_else(|| words.t("retention-no-limit"), |bytes| mib(words, bytes)),
    }
}

/// Bytes in MiB; part of one counts as one.
fn mib(words: Words, bytes: u64) -> String {
    words.with("retention-mib", "size", words.number(bytes.div_ceil(MIB)))
}

fn floor(words: Words, view: &RetentionView) -> Option<String> {
    let days = view.floor.days().map(|days| words.count("retention-days", days));
    let bytes = view.floor.bytes().map(|bytes| mib(words, bytes));
    let said: Vec<String> = days.into_iter().chain(bytes).collect();
    (!said.is_empty()).then(|| said.join(" · "))
}

//! Event log → Settings → Alerts: what is wrong now, when somebody is told, and the webhook that is told.

use askama::Template;
use auditwire_engine::alerts::webhook::{self, CallReport, CallStage, NewWebhook, WebhookView};
use auditwire_engine::alerts::{self, BACKLOG_PERCENT, CERTIFICATE_DAYS, TOKEN_DAYS};
use auditwire_engine::records::Alert;
use auditwire_engine::secrets::Secret;
use auditwire_engine::{connections, reading, retention};
use axum::http::StatusCode;
use axum::response::Response;

use super::codes::{self, Told};
use super::name_of;
use crate::api::Problem;
use crate::console::banner::{page_of, words_of};
use crate::console::form::{Form, FormErrors, Posted};
use crate::console::notice::Notice;
use crate::console::page::{Frame, Section, done, page};
use crate::console::time::When;
use crate::console::visible::{line, visible};
use crate::console::who::InProject;
use crate::console::words::Words;

/// Characters of a message that are shown.
const MESSAGE: usize = 1000;

#[derive(Template)]
#[template(path = "siem/alerts.html")]
struct AlertsPage {
    frame: Frame,
    errors: FormErrors,
    links: Links,
    open: Vec<Open>,
    /// When an alert is raised, in sentences.
    rules: Vec<String>,
    /// Whether looking at the project's events is told.
    reading: bool,
    /// None: no webhook is set.
    webhook: Option<Shown>,
    /// As it was typed, when it is no address; one that is may hold a secret.
    url: String,
    /// Made by this request; shown only now.
    secret: Option<String>,
    /// What a test came to.
    test: Option<Test>,
}

/// Addresses on the page.
struct Links {
    events: String,
    siem: String,
    here: String,
}

/// An alert that stands.
struct Open {
    what: String,
    remedy: String,
    /// In the engine's words.
    message: Told,
    since: When,
    /// The connection's name, or that of the page where something can be done.
    place: String,
    url: String,
}

/// The webhook as it is.
struct Shown {
    /// Without what may be a secret in it.
    url: String,
    /// How people write its host, where that is different.
    host_unicode: Option<String>,
    has_pem: bool,
    pending: u64,
    last: Option<Last>,
}

/// The last call.
struct Last {
    ok: bool,
    meaning: String,
    message: Told,
    at: When,
}

/// A test, stage by stage.
struct Test {
    ok: bool,
    stages: Vec<StageRow>,
}

/// A stage of a test.
struct StageRow {
    ok: bool,
    name: String,
    word: String,
    took: String,
    meaning: Option<(String, &'static str)>,
    seen: Told,
    remedy: Option<Told>,
}

/// What the page shows beside what is stored.
#[derive(Default)]
struct Answer {
    errors: FormErrors,
    /// As it was typed, when it was refused for itself.
    url: Option<String>,
    secret: Option<Secret>,
    test: Option<CallReport>,
}

/// `GET /projects/{project}/settings/alerts`.
pub(super) async fn show(by: InProject) -> Result<Response, Problem> {
    alerts_page(&by, StatusCode::OK, Answer::default()).await
}

/// `POST /projects/{project}/settings/alerts`: `do` is `save`, `test`, `delete`, `tell` or `untell`.
pub(super) async fn change(Posted { by, form }: Posted<InProject>) -> Result<Response, Problem> {
    match form.text("do") {
        "test" => test(&by).await,
        "delete" => {
            webhook::delete(by.engine(), by.caller(), &by.project.id).await?;
            Ok(done(&by.visitor.guest, &by.urls().alerts(), Some(&Notice::new("webhook-deleted", ""))))
        }
        switch @ ("tell" | "untell") => {
            reading::set(by.engine(), by.caller(), &by.project.id, switch == "tell").await?;
            let notice = Notice::new(if switch == "tell" { "reading-on" } else { "reading-off" }, "");
            Ok(done(&by.visitor.guest, &by.urls().alerts(), Some(&notice)))
        }
        _ => save(&by, &form).await,
    }
}

async fn save(by: &InProject, form: &Form) -> Result<Response, Problem> {
    let given = |name: &str| Some(form.text(name).to_owned()).filter(|text| !text.is_empty());
    let url = form.text("url").to_owned();
    let pem = match given("pem") {
        Some(pem) => Some(Some(pem)),
        None if form.has("no_pem") => Some(None),
        None => None,
    };
    let secret = |name: &str| given(name).map(|text| Secret::new(text.into_bytes()));
    let new = NewWebhook { url: secret("url"), secret: secret("secret"), pem };
    match webhook::set(by.engine(), by.caller(), &by.project.id, new).await {
        // A secret that was made is shown now and never again, so it cannot wait for another page.
        Ok((_, Some(secret))) => {
            alerts_page(by, StatusCode::OK, Answer { secret: Some(secret), ..Answer::default() }).await
        }
        Ok((_, None)) => Ok(done(&by.visitor.guest, &by.urls().alerts(), Some(&Notice::new("webhook-saved", "")))),
        Err(error) => {
            let problem = Problem::from(error);
            let errors = FormErrors::of_problem(by.words(), &problem)?;
            let url = errors.of("url").map(|_| url);
            alerts_page(by, problem.status(), Answer { errors, url, ..Answer::default() }).await
        }
    }
}

async fn test(by: &InProject) -> Result<Response, Problem> {
    match webhook::test(by.engine(), by.caller(), &by.project.id).await {
        Ok(report) => alerts_page(by, StatusCode::OK, Answer { test: Some(report), ..Answer::default() }).await,
        Err(error) => {
            let problem = Problem::from(error);
            let errors = FormErrors::of_problem(by.words(), &problem)?;
            alerts_page(by, problem.status(), Answer { errors, ..Answer::default() }).await
        }
    }
}

async fn alerts_page(by: &InProject, status: StatusCode, answer: Answer) -> Result<Response, Problem> {
    let (engine, caller, project, words) = (by.engine(), by.caller(), &by.project.id, by.words());
    let standing = alerts::list(engine, caller, project).await?;
    let names = connections::list(engine, caller, project).await?;
    let name = |alert: &Alert| {
        if let Some(token) = &alert.token {
            return token.to_string();
        }
        let Some(connection) = &alert.connection else { return words.t("retention-tab") };
        let view = names.iter().find(|view| view.stored.id == *connection);
        view.map_or_else(|| connection.to_string(), name_of)
    };
    let webhook = match webhook::get(engine, caller, project).await {
        Ok(view) => Some(view),
        Err(error) if error.code == "webhook_not_found" => None,
        Err(error) => return Err(error.into()),
    };
    let reading = reading::get(engine, caller, project).await?;
    let kept = retention::get(engine, caller, project).await?.holds.age.is_some();
    let mut frame = Frame::new(by, Section::Settings, words.t("siem-title"));
    // The page tells them all, and more of each.
    frame.alerts.clear();
    frame.more_alerts = 0;
    let urls = by.urls();
    let template = AlertsPage {
        frame,
        errors: answer.errors,
        links: Links { events: urls.events(), siem: urls.siem(), here: urls.alerts() },
        open: standing.iter().map(|alert| Open::of(by, alert, name(alert))).collect(),
        rules: rules(by, kept),
        reading,
        url: answer.url.unwrap_or_default(),
        webhook: webhook.as_ref().map(|view| Shown::of(by, view)),
        secret: answer.secret.map(|secret| secret.expose_text().to_owned()),
        test: answer.test.map(|report| Test::of(words, &report)),
    };
    page(by, status, &template)
}

impl AlertsPage {
    fn has_pem(&self) -> bool {
        self.webhook.as_ref().is_some_and(|shown| shown.has_pem)
    }
}

/// The conditions of alerts with their limits.
fn rules(by: &InProject, kept: bool) -> Vec<String> {
    let words = by.words();
    let settings = by.engine().settings.alerts;
    let days = CERTIFICATE_DAYS.map(|days| days.to_string());
    let backlog = if kept { "alerts-rule-backlog" } else { "alerts-rule-backlog-never" };
    vec![
        words.with("alerts-rule-degraded", "time", by.calendar().span(settings.degraded_after)),
        words.with(backlog, "percent", BACKLOG_PERCENT.to_string()),
        words.with("alerts-rule-certificate", "days", days.join(", ")),
        words.t("alerts-rule-reduction"),
        words.t("alerts-rule-quota"),
        words.with("alerts-rule-token", "days", TOKEN_DAYS.map(|days| days.to_string()).join(", ")),
    ]
}

impl Open {
    fn of(by: &InProject, alert: &Alert, place: String) -> Self {
        let (what, remedy) = words_of(alert.kind);
        Self {
            what: by.words().t(what),
            remedy: by.words().t(remedy),
            message: codes::engines(by.words(), &line(&alert.message, MESSAGE)),
            since: by.calendar().when(alert.since),
            place,
            url: page_of(alert, by.urls()),
        }
    }
}

impl Shown {
    fn of(by: &InProject, view: &WebhookView) -> Self {
        let last = view.last.as_ref().map(|last| Last {
            ok: last.ok,
            meaning: codes::title(by.words(), &last.code),
            message: codes::engines(by.words(), &line(&last.message, MESSAGE)),
            at: by.calendar().when(last.at),
        });
        Self {
            url: view.url.clone(),
            host_unicode: view.host_unicode.clone(),
            has_pem: view.has_pem,
            pending: view.pending as u64,
            last,
        }
    }
}

impl Test {
    fn of(words: Words, report: &CallReport) -> Self {
        Self { ok: report.ok, stages: report.stages.iter().map(|stage| StageRow::of(words, stage)).collect() }
    }
}

impl StageRow {
    fn of(words: Words, stage: &CallStage) -> Self {
        let CallStage { stage, ok, code, message, remedy, took } = stage;
        Self {
            ok: *ok,
            name: words.t(&format!("stage-{stage}")),
            word: words.t(if *ok { "stage-is-passed" } else { "stage-is-failed" }),
            took: codes::took(words, *took),
            meaning: (!ok).then(|| (codes::title(words, code), *code)),
            // A peer says of itself what it likes (names in its certificate).
            seen: codes::engines(words, &visible(message)),
            remedy: codes::remedy_of(words, code, remedy),
        }
    }

    fn class(&self) -> &'static str {
        if self.ok { "passed" } else { "failed" }
    }

    fn icon(&self) -> &'static str {
        if self.ok { "check" } else { "cross" }
    }
}

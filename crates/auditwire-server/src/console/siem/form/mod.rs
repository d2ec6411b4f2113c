//! The form of a connection: creating one, and configuring one.
//!
//! A form is read into [`values::Values`], which make the request for the engine; what the engine refuses is told under the
//! fields ([`mistakes`]), all of it at once. A PEM that was sent is never written back into a page: its key must not leave
//! the server again.

mod builder;
mod filter;
mod mistakes;
mod page;
mod pem;
mod preview;
mod receiver;
mod snippet;
mod stale;
mod values;

use auditwire_engine::connections::{self, ConnectionInput, ConnectionView};
use auditwire_engine::{Error, Kind};
use auditwire_model::connection::Mapping;
use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use zeroize::{Zeroize as _, Zeroizing};

use crate::App;
use crate::api::Problem;
use crate::console::form::{Form, Posted};
use crate::console::notice::Notice;
use crate::console::page::done;
use crate::console::urls;
use crate::console::who::InProject;
use page::{Draft, show};
use values::{PemChange, Values};

/// The addresses of the form.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route(urls::NEW_CONNECTION, get(new).post(create))
        .route(urls::CONNECTION, get(configure).post(save))
        .route(urls::PEM, post(pem::inspect))
        .route(urls::FILTER, post(filter::meaning))
        .route(urls::RECEIVER, post(receiver::told))
}

/// `GET …/settings/siem/new`.
async fn new(by: InProject) -> Result<Response, Problem> {
    show(&by, StatusCode::OK, Draft::of(Values::new())).await
}

/// `POST …/settings/siem/new`: stores it as inactive and begins its check.
async fn create(Posted { by, form }: Posted<InProject>) -> Result<Response, Problem> {
    let values = Values::read(&form);
    if is_draft(&form) {
        return draft(&by, &form, values, None).await;
    }
    let key = Some(form.text("key")).filter(|key| !key.is_empty());
    let made = match read(&values, &form) {
        Ok(input) => {
            let made = connections::create(by.engine(), by.caller(), &by.project.id, input, key).await;
            made.map_err(|error| vec![error])
        }
        Err(mistakes) => Err(mistakes),
    };
    match made {
        Ok(view) => Ok(check(&by, &view, "connection-created").await),
        Err(mistakes) => {
            let errors = mistakes::told(by.words(), mistakes)?;
            let draft = Draft { errors, posted: Some(&form), ..Draft::of(values) };
            show(&by, StatusCode::UNPROCESSABLE_ENTITY, draft).await
        }
    }
}

/// `GET …/settings/siem/connections/{id}`.
async fn configure(by: InProject, Path((_, id)): Path<(String, String)>) -> Result<Response, Problem> {
    let stored = get_one(&by, &id).await?;
    let values = Values::of(&stored.stored.spec);
    let draft = Draft { stored: Some(&stored), ..Draft::of(values) };
    show(&by, StatusCode::OK, draft).await
}

/// `POST …/settings/siem/connections/{id}`: saves it, and checks it unless only saving was asked for.
async fn save(
    Path((_, id)): Path<(String, String)>,
    Posted { by, form }: Posted<InProject>,
) -> Result<Response, Problem> {
    let values = Values::read(&form);
    if is_draft(&form) {
        let stored = get_one(&by, &id).await?;
        return draft(&by, &form, values, Some(&stored)).await;
    }
    let expected = form.text("revision").parse().ok();
    // A form that is out of date is told before it stops anything.
    let before = get_one(&by, &id).await?;
    if expected.is_some_and(|revision: u64| revision != before.stored.revision) {
        return outdated(&by, &form, values, &before).await;
    }
    let input = match read(&values, &form) {
        Ok(input) => input,
        Err(mistakes) => return refused(&by, &form, values, &before, mistakes, None).await,
    };
    let (engine, caller, project) = (by.engine(), by.caller(), &by.project.id);
    let stopping = form.text("save") == "inactive";
    if stopping {
        connections::stop(engine, caller, project, &id).await?;
    }
    match connections::update(engine, caller, project, &id, input, expected).await {
        Ok(view) => Ok(saved(&by, &view, form.text("save")).await),
        Err(error) => {
            let now = get_one(&by, &id).await?;
            if error.code == "stale" {
                return outdated(&by, &form, values, &now).await;
            }
            let stopped = (stopping && before.status != now.status).then(|| by.words().t("form-stopped-not-saved"));
            refused(&by, &form, values, &now, vec![error], stopped).await
        }
    }
}

/// A button was pressed that shows the form again and stores nothing.
fn is_draft(form: &Form) -> bool {
    matches!(form.text("save"), "preview" | "compare" | "build" | "receiver")
}

/// The form with a preview of what it would do, with the query that its rows say, or with what the chosen receiver wants.
async fn draft(
    by: &InProject,
    form: &Form,
    values: Values,
    stored: Option<&ConnectionView>,
) -> Result<Response, Problem> {
    let posted = Some(form);
    let button = form.text("save");
    let draft = match button {
        "build" => Draft { built: true, ..Draft::of(Values { query: builder::query(form), ..values }) },
        "receiver" => Draft::of(values.wanted_by_receiver()),
        _ => {
            let two = stored.is_some_and(|view| view.stored.spec.options.mapping == Mapping::First);
            let preview = preview::Shown::load(by, &values, two).await?;
            Draft { preview: Some(preview), compared: button == "compare", ..Draft::of(values) }
        }
    };
    show(by, StatusCode::OK, Draft { posted, stored, ..draft }).await
}

/// What was entered, as the engine takes it; else everything that is wrong with it.
fn read(values: &Values, form: &Form) -> Result<ConnectionInput, Vec<Error>> {
    let pem = PemChange::of(form);
    let mut json = values.to_json(&pem);
    let text = Zeroizing::new(json.to_string());
    // A pasted key is in this copy, too.
    if let Some(serde_json::Value::String(pem)) = json.pointer_mut("/tls/pem") {
        pem.zeroize();
    }
    let read = ConnectionInput::from_json_all(text.as_bytes());
    let mut ours = Vec::new();
    if values.needs_confirmation() {
        let detail = "confirm that the receiver is not verified, or choose another verification";
        ours.push(Error::invalid("verify_off_unconfirmed", "verify_off_confirmed", detail));
    }
    // It was sent before, and the page that came back could not hold it.
    if values.is_tls() && form.has("pem_expected") && matches!(pem, PemChange::Keep) {
        ours.push(Error::invalid("pem_expected", "tls.pem", "paste the TLS key again, or go on without it"));
    }
    if ours.is_empty() {
        return read;
    }
    let mut mistakes = read.err().unwrap_or_default();
    mistakes.extend(ours);
    Err(mistakes)
}

async fn get_one(by: &InProject, id: &str) -> Result<ConnectionView, Problem> {
    Ok(connections::get(by.engine(), by.caller(), &by.project.id, id).await?)
}

async fn refused(
    by: &InProject,
    form: &Form,
    values: Values,
    stored: &ConnectionView,
    mistakes: Vec<Error>,
    also: Option<String>,
) -> Result<Response, Problem> {
    let mut errors = mistakes::told(by.words(), mistakes)?;
    errors.general.extend(also);
    let draft = Draft { errors, posted: Some(form), stored: Some(stored), ..Draft::of(values) };
    show(by, StatusCode::UNPROCESSABLE_ENTITY, draft).await
}

async fn outdated(by: &InProject, form: &Form, values: Values, stored: &ConnectionView) -> Result<Response, Problem> {
    let draft = Draft { posted: Some(form), stored: Some(stored), stale: true, ..Draft::of(values) };
    show(by, StatusCode::CONFLICT, draft).await
}

async fn saved(by: &InProject, view: &ConnectionView, how: &str) -> Response {
    let key = match how {
        "check" | "keep" => return check(by, view, "connection-saved").await,
        "inactive" => "connection-saved-inactive",
        _ => "connection-saved",
    };
    done(&by.visitor.guest, &by.urls().siem(), Some(&Notice::new(key, &view.stored.spec.name)))
}

/// Begins the check of what was just stored, and goes to where it is watched. It can be begun there again, so that a refusal
/// is told and no more.
async fn check(by: &InProject, view: &ConnectionView, told: &str) -> Response {
    let (id, name) = (view.stored.id.as_str(), &view.stored.spec.name);
    let begun = connections::begin_check(by.engine(), by.caller(), &by.project.id, id).await;
    let notice = match begun {
        Ok(()) => Notice::new(told, name),
        Err(error) => {
            if error.kind != Kind::Busy {
                tracing::warn!(connection = id, %error, "the check of a saved connection did not begin");
            }
            Notice::warning("connection-saved-unchecked", name)
        }
    };
    done(&by.visitor.guest, &by.urls().check(id), Some(&notice))
}

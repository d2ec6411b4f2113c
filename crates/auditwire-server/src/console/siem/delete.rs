//! Deleting connections: a page that names them, then the deletion.

use askama::Template;
use auditwire_engine::connections::{self, ConnectionView};
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use super::{chosen, is_active, name_of};
use crate::api::Problem;
use crate::console::form::{Form, Posted};
use crate::console::notice::Notice;
use crate::console::page::{Frame, Section, done, page};
use crate::console::visible::line;
use crate::console::who::InProject;
use crate::console::words::Words;

/// How many characters of names a notice tells; it travels in a cookie.
const NAMES_TOLD: usize = 160;

#[derive(Template)]
#[template(path = "siem/delete.html")]
struct DeletePage {
    frame: Frame,
    events: String,
    list: String,
    delete: String,
    count: u64,
    going: Vec<Going>,
    some_gone: bool,
}

/// A connection that will be deleted.
#[derive(Debug)]
struct Going {
    id: String,
    name: String,
    endpoint: String,
    /// What it means that this one is active.
    active: Option<String>,
}

/// `GET /projects/{project}/settings/siem/delete?id=…&id=…`.
pub(super) async fn ask(by: InProject, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let form = Form::parse(query.unwrap_or_default().as_bytes());
    let (views, gone) = chosen(&by, &form).await?;
    if views.is_empty() {
        return Ok(nothing(&by, gone));
    }
    let (words, count) = (by.words(), views.len() as u64);
    let template = DeletePage {
        frame: Frame::new(&by, Section::Settings, words.count("delete-title", count)),
        events: by.urls().events(),
        list: by.urls().siem(),
        delete: by.urls().group("delete"),
        count,
        going: views.iter().map(|view| Going::of(view, words)).collect(),
        some_gone: gone > 0,
    };
    page(&by, StatusCode::OK, &template)
}

/// `POST /projects/{project}/settings/siem/delete`.
pub(super) async fn delete(Posted { by, form }: Posted<InProject>) -> Result<Response, Problem> {
    let (views, gone) = chosen(&by, &form).await?;
    let ids: Vec<String> = form.all("id").map(str::to_owned).collect();
    let deleted = connections::delete(by.engine(), by.caller(), &by.project.id, &ids, None).await?;
    if deleted.deleted.is_empty() {
        return Ok(nothing(&by, gone));
    }
    let names: Vec<String> =
        views.iter().filter(|view| deleted.deleted.contains(&view.stored.id)).map(name_of).collect();
    let key = if deleted.not_found.is_empty() { "siem-deleted" } else { "siem-deleted-gone" };
    let notice = Notice::new(key, line(&names.join(", "), NAMES_TOLD)).and("n", deleted.deleted.len());
    Ok(done(&by.visitor.guest, &by.urls().siem(), Some(&notice)))
}

fn nothing(by: &InProject, gone: usize) -> Response {
    let key = if gone > 0 { "siem-gone" } else { "siem-delete-none" };
    done(&by.visitor.guest, &by.urls().siem(), Some(&Notice::warning(key, "")))
}

impl Going {
    fn of(view: &ConnectionView, words: Words) -> Self {
        let active = is_active(view).then(|| match view.delivery.backlog {
            0 => words.t("delete-active"),
            waiting => words.count("delete-active-waiting", waiting),
        });
        let endpoint = view.stored.spec.endpoint.shown();
        Self { id: view.stored.id.to_string(), name: name_of(view), endpoint, active }
    }
}

//! `/`: to the first project's Event log. The project `system` (the operator's own events) is nobody's first.

use auditwire_model::ProjectId;
use axum::response::Response;

use super::page::go;
use super::urls::{self, Urls};
use super::who::Visitor;

pub(super) async fn home(visitor: Visitor) -> Response {
    let system = ProjectId::system();
    let first = visitor.projects.iter().find(|p| p.id != system).or(visitor.projects.first());
    match first {
        Some(project) => go(&Urls(&project.id).events()),
        None => go(urls::PROJECTS),
    }
}

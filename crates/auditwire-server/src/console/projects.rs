//! All projects that the visitor may see, and creating one.

use askama::Template;
use auditwire_engine::projects;
use auditwire_engine::records::Project;
use axum::http::StatusCode;
use axum::response::Response;

use super::form::{FormErrors, Posted};
use super::notice::Notice;
use super::page::{Frame, Section, done, page};
use super::urls::Urls;
use super::who::Visitor;
use crate::api::Problem;

#[derive(Template)]
#[template(path = "projects/projects.html")]
struct ProjectsPage<'a> {
    frame: Frame,
    errors: FormErrors,
    projects: &'a [Project],
    name: &'a str,
    id: &'a str,
}

/// `GET /projects`.
pub(super) async fn list(visitor: Visitor) -> Result<Response, Problem> {
    projects_page(&visitor, StatusCode::OK, FormErrors::none(), "", "")
}

fn projects_page(
    visitor: &Visitor,
    status: StatusCode,
    errors: FormErrors,
    name: &str,
    id: &str,
) -> Result<Response, Problem> {
    let frame = Frame::new(visitor, Section::Projects, visitor.guest.words.t("projects-title"));
    page(visitor, status, &ProjectsPage { frame, errors, projects: &visitor.projects, name, id })
}

/// `POST /projects`.
pub(super) async fn create(Posted { by: visitor, form }: Posted<Visitor>) -> Result<Response, Problem> {
    let id = Some(form.text("id").to_owned()).filter(|id| !id.is_empty());
    let name = form.text("name");
    match projects::create(visitor.engine(), visitor.caller(), id, name.to_owned(), None).await {
        Ok(project) => {
            let notice = Notice::new("project-created", project.name);
            Ok(done(&visitor.guest, &Urls(&project.id).events(), Some(&notice)))
        }
        Err(error) => {
            let errors = FormErrors::of_problem(visitor.guest.words, &Problem::from(error))?;
            projects_page(&visitor, StatusCode::UNPROCESSABLE_ENTITY, errors, name, form.text("id"))
        }
    }
}

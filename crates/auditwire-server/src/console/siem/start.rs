//! Starting a connection begins with its check; its page leads on to the activation.

use auditwire_engine::Error;
use auditwire_engine::connections;
use axum::response::Response;

use super::check::{Asked, check_page};
use super::{chosen, is_active, name_of};
use crate::api::{PathId, Problem};
use crate::console::form::{FormErrors, Posted};
use crate::console::notice::Notice;
use crate::console::page::{done, go};
use crate::console::who::InProject;

/// `POST /projects/{project}/settings/siem/start`: of exactly one connection. A check that counts is not repeated.
pub(super) async fn start(Posted { by, form }: Posted<InProject>) -> Result<Response, Problem> {
    let guest = &by.visitor.guest;
    let (selected, _) = chosen(&by, &form).await?;
    let [view] = selected.as_slice() else {
        return Ok(done(guest, &by.urls().siem(), Some(&Notice::warning("siem-start-one", ""))));
    };
    if is_active(view) {
        let notice = Notice::warning("siem-active-already", name_of(view));
        return Ok(done(guest, &by.urls().siem(), Some(&notice)));
    }
    let id = view.stored.id.as_str();
    let state = connections::check_state(by.engine(), by.caller(), &by.project.id, id).await?;
    if state.is_some_and(|state| state.counts) {
        return Ok(go(&by.urls().check(id)));
    }
    begin(&by, id).await
}

/// `POST /projects/{project}/settings/siem/connections/{id}/check`: checks anew.
pub(super) async fn check(PathId(id): PathId, Posted { by, .. }: Posted<InProject>) -> Result<Response, Problem> {
    begin(&by, &id).await
}

async fn begin(by: &InProject, id: &str) -> Result<Response, Problem> {
    match connections::begin_check(by.engine(), by.caller(), &by.project.id, id).await {
        Ok(()) => Ok(go(&by.urls().check(id))),
        // Too often: what is known stays on the page.
        Err(error @ Error { code: "too_many_checks", .. }) => {
            let problem = Problem::from(error);
            let errors = FormErrors::of_problem(by.words(), &problem)?;
            check_page(by, id, &Asked::default(), problem.status(), errors).await
        }
        Err(error) => Err(error.into()),
    }
}

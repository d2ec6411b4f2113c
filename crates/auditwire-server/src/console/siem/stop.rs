//! Stopping the active connection among those that are selected.

use auditwire_engine::connections;
use axum::response::Response;

use super::{chosen, is_active, name_of};
use crate::api::Problem;
use crate::console::form::Posted;
use crate::console::notice::Notice;
use crate::console::page::done;
use crate::console::who::InProject;

/// `POST /projects/{project}/settings/siem/stop`.
pub(super) async fn stop(Posted { by, form }: Posted<InProject>) -> Result<Response, Problem> {
    let (selected, _) = chosen(&by, &form).await?;
    let mut notice = Notice::warning("siem-none-active", "");
    for view in selected.iter().filter(|view| is_active(view)) {
        let id = view.stored.id.as_str();
        connections::stop(by.engine(), by.caller(), &by.project.id, id).await?;
        notice = Notice::new("siem-stopped", name_of(view));
    }
    Ok(done(&by.visitor.guest, &by.urls().siem(), Some(&notice)))
}

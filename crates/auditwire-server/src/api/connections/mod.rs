//! SIEM connections.

mod activate;
mod check;
mod history;
mod matching;
mod objects;
mod overview;
mod preview;
mod quarantine;
mod view;

pub(super) use activate::{__path_activate_connection, __path_stop_connection};
pub(super) use activate::{activate_connection, stop_connection};
pub(super) use check::{__path_check_candidate, __path_check_connection};
pub(super) use check::{check_candidate, check_connection};
pub(super) use history::{__path_connection_history, connection_history};
pub(super) use objects::{
    __path_create_connection, __path_delete_connection, __path_delete_connections, __path_get_connection,
    __path_list_connections, __path_update_connection,
};
pub(super) use objects::{
    create_connection, delete_connection, delete_connections, get_connection, list_connections, update_connection,
};
pub(super) use overview::{__path_connections_overview, connections_overview};
pub(super) use preview::{__path_preview_connection, preview_connection};
pub(super) use quarantine::{__path_clear_quarantine, __path_list_quarantine, __path_resend_quarantine};
pub(super) use quarantine::{clear_quarantine, list_quarantine, resend_quarantine};

use auditwire_engine::connections::ConnectionInput;

use super::json::JsonBytes;
use super::problem::Result;

/// A connection as a client sends it.
fn input(body: &JsonBytes) -> Result<ConnectionInput> {
    Ok(ConnectionInput::from_json(&body.0)?)
}

//! The verbs of SIEM connections. Every change is one commit together with its audit event.
//!
//! All state is in records: the connection with its revision, its name, its sealed PEM, its cursor, and one record per
//! project that says which connection is active. A verb reads them, decides, and commits expecting the versions it read;
//! when somebody else was faster it decides anew. Senders follow what is stored; no verb talks to one.

mod activate;
mod check_state;
mod checks;
mod choices;
mod defaults;
mod edit;
mod input;
mod json;
mod overview;
mod pem;
mod preview;
mod quarantine;
mod redirect;
mod remove;
mod running;
mod sent;
mod start;
mod stop;
mod stored;
mod view;

use auditwire_model::{ConnectionId, Position, Timestamp};

use crate::delivery::check::CheckReport;
use crate::error::{Error, Kind, Result};

pub use activate::activate;
pub use check_state::{CheckState, check_state};
pub use checks::{begin_check, check_candidate, check_stored};
pub use choices::{StartChoice, StartChoices, start_choices};
pub use defaults::{Defaults, defaults};
pub use edit::{create, update};
pub use input::{ConnectionInput, inspect_filter};
pub use overview::{OVERVIEW_MAX, Overview, OverviewAsked, OverviewPlace, OverviewRow, OverviewTotals, overview};
pub use pem::{PemContents, inspect_pem};
pub use preview::{OtherMessage, Preview, PreviewMessage, inspect, preview};
pub(crate) use quarantine::demand_few;
pub use quarantine::{PAGE_MAX, QuarantineEntry, QuarantinePage, delete_quarantined, quarantine};
pub use remove::delete;
pub(crate) use running::Checks;
pub use sent::{SentMessage, latest_sent};
pub use stop::stop;
pub(crate) use stored::{active_one, active_record, cursor_of, named};
pub use view::{ConnectionView, get, list};

/// How often a verb decides anew when the records it read were changed before its commit. Senders store cursors a few
/// times a second, so that more than a few collisions in a row mean that people work against each other.
const ATTEMPTS: usize = 10;

/// Where an activated connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// `TakeOver` when another is active now, else `Continue`, else `Now`.
    #[default]
    Default,
    /// Where this connection stopped.
    Continue,
    /// The settled cursor of the active connection, else of the one stopped last.
    TakeOver,
    /// The end of the log.
    Now,
    /// The first event received at or after.
    From(Timestamp),
}

/// The answer to an activation.
#[derive(Debug, Clone)]
pub struct Activation {
    /// The connection as it is now.
    pub connection: ConnectionView,
    /// The check that was run, or none when one had passed within 10 minutes.
    pub check: Option<CheckReport>,
    /// The connection that was stopped.
    pub stopped: Option<ConnectionId>,
    /// First position that will be sent.
    pub start_at: Position,
    /// How many events will be sent from there to the present end.
    pub will_send: u64,
    /// False: counting stopped at a limit (a second, a million events looked at) or failed; there are at least so many.
    pub exact: bool,
}

/// Why an activation did not happen.
#[derive(Debug)]
pub enum ActivateError {
    /// 409 `check_failed`.
    CheckFailed(Box<CheckReport>),
    /// Anything else.
    Other(Error),
}

impl From<Error> for ActivateError {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// The answer to a group deletion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deleted {
    /// These are gone.
    pub deleted: Vec<ConnectionId>,
    /// These were not there (as given).
    pub not_found: Vec<String>,
}

/// True when somebody else was faster: the verb reads and decides anew.
fn lost_race<T>(result: &Result<T>) -> bool {
    result.as_ref().is_err_and(|e| e.code == "conflict")
}

fn too_many_collisions() -> Error {
    Error::new(Kind::Conflict, "conflict", "others keep changing this connection at the same time; try again")
}

#[cfg(test)]
mod tests;

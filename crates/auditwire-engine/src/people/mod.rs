//! People: accounts, and how a person proves to be one. This version has one account, the operator's.
//!
//! An account opens with its password or with a one-time link; either begins a *session*, whose secret the browser keeps.
//! Links and sessions are 256 random bits, stored as their hash. Whatever changes is told in the log of project `system`,
//! in the same commit.

mod accounts;
mod change;
mod limits;
mod links;
mod password;
mod sessions;
mod sign_in;

use auditwire_model::access::Caller;
use auditwire_model::{ProjectId, Timestamp};

use crate::Engine;
use crate::audit::Audit;
use crate::error::{Error, Kind, Result};
use crate::log::Submission;
use crate::recent::Recent;
use crate::secrets::Secret;
use crate::store::Change;
use crate::tasks::Tasks;

pub use crate::records::{Account, Preferences, Theme};
pub use accounts::set_preferences;
pub use change::set_password;
pub use links::{create_link, ensure_operator, link_is_valid};
pub use sessions::{session, sign_out};
pub use sign_in::{sign_in, sign_in_with_link};

/// Times a change is tried anew when somebody else changes the same account or session.
const TRIES: usize = 3;

/// Who is behind a session.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Whose session it is.
    pub account: Account,
    /// For the verbs.
    pub caller: Caller,
    /// When the session ends, however much it is used.
    pub expires_at: Timestamp,
    /// Whether a new password takes the present one: the account has one, and the session did not begin with a link lately.
    pub current_password_needed: bool,
}

/// A session that has just begun.
#[derive(Debug)]
pub struct NewSession {
    /// 64 hex digits, for the browser alone. It is here once and never again.
    pub secret: Secret,
    /// When the session ends, however much it is used.
    pub expires_at: Timestamp,
    /// Whose session it is.
    pub account: Account,
}

/// What all clones of an engine remember together about people.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    sessions: Recent<sessions::Found>,
    hashing: password::Hashing,
    limits: limits::Limits,
}

impl Desk {
    /// Whose hashing runs under these eyes.
    pub(crate) fn new(tasks: &Tasks) -> Self {
        Self { hashing: password::Hashing::new(tasks.clone()), ..Self::default() }
    }
}

/// Commits changes with what they tell the log of project `system`.
async fn submit(engine: &Engine, told: Vec<Audit>, changes: Vec<Change>, now: Timestamp) -> Result<()> {
    let project = (!told.is_empty()).then(ProjectId::system);
    let events = told.into_iter().map(|audit| audit.build(now)).collect();
    engine.log.submit(Submission { project, events, changes }).await.map(|_| ())
}

/// Somebody else changed a record meanwhile: read again and try again.
fn lost_race(error: &Error) -> bool {
    error.code == "conflict"
}

fn changed_meanwhile() -> Error {
    Error::new(Kind::Conflict, "conflict", "the account was changed by somebody else at the same time; try again")
}

#[cfg(test)]
mod tests;

//! Who asks, from where, and who may do what: the one decision table.

mod verbs;

use std::net::IpAddr;

pub use verbs::{Needs, Verb};

use crate::{AccountId, ProjectId, TokenId};

/// A right in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Send events.
    Ingest,
    /// See events and connections.
    Read,
    /// Change connections and tokens.
    Configure,
    /// Read the metrics.
    Metrics,
}

/// What an operator proved to be one with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// An API token of the operator: a program.
    Token(TokenId),
    /// A signed-in account: a person.
    Account {
        /// Its identity; `subject.user_id` of what the person does.
        id: AccountId,
        /// Its sign-in name, for people.
        name: String,
    },
}

impl Principal {
    /// Its identity, for audit events. Ids of tokens and of accounts never meet.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Token(token) => token.as_str(),
            Self::Account { id, .. } => id.as_str(),
        }
    }
}

/// By which request somebody asks. Every audit event that a request caused tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    address: IpAddr,
    request_id: String,
}

impl Origin {
    /// A request from `address` (kept in its canonical form) that is known as `request_id` to its client and in the log.
    #[must_use]
    pub fn new(address: impl Into<IpAddr>, request_id: impl Into<String>) -> Self {
        Self { address: address.into().to_canonical(), request_id: request_id.into() }
    }

    /// The client's address, an IPv4 address never in its IPv6 form.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// What the answer's `X-Request-Id` says.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }
}

/// Who asks. Every verb's first argument; there is no unauthenticated variant, and none that a request can be but without
/// its [`Origin`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Stands above projects; may do everything.
    Operator {
        /// What proved it.
        by: Principal,
        /// The request.
        origin: Origin,
    },
    /// An API token of one project.
    Token {
        /// Its identity, for audit events.
        token: TokenId,
        /// The only project it may touch.
        project: ProjectId,
        /// What it may do there.
        scopes: Vec<Scope>,
        /// The `source.id`s it may send; empty means any.
        sources: Vec<String>,
        /// The request.
        origin: Origin,
    },
    /// The service itself (heartbeats, gaps, background work).
    Service,
}

impl Caller {
    /// Who it is, as audit events name them; empty for the service itself.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Operator { by, .. } => by.id(),
            Self::Token { token, .. } => token.as_str(),
            Self::Service => "",
        }
    }

    /// The request by which they ask; `None` for the service itself.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Operator { origin, .. } | Self::Token { origin, .. } => Some(origin),
            Self::Service => None,
        }
    }
}

/// The answer. A project that one may not see does not exist for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Go ahead.
    Allowed,
    /// 403: the caller knows the project, the right is missing.
    Forbidden,
    /// 404: the caller may not know that it exists.
    Hidden,
}

/// The one decision: whether the caller has what the verb [`needs`](Verb::needs), in the project that it is asked of if it is
/// one of a project.
#[must_use]
pub fn allows(caller: &Caller, verb: Verb, project: Option<&ProjectId>) -> Decision {
    let Caller::Token { project: own, scopes, .. } = caller else { return Decision::Allowed };
    let has = |allowed| if allowed { Decision::Allowed } else { Decision::Forbidden };
    match verb.needs() {
        Needs::Nothing | Needs::Token => Decision::Allowed,
        Needs::Operator => Decision::Forbidden,
        Needs::Anywhere(scope) => has(scopes.contains(&scope)),
        Needs::InProject(_) if project.is_some_and(|project| project != own) => Decision::Hidden,
        Needs::InProject(needed) => has(project.is_some() && needed.iter().all(|scope| scopes.contains(scope))),
    }
}

/// Whether the caller may know that the project exists: a token knows its own even when it may only send to it.
#[must_use]
pub fn knows(caller: &Caller, project: &ProjectId) -> bool {
    if let Caller::Token { project: own, .. } = caller { own == project } else { true }
}

#[cfg(test)]
mod tests {
    use super::Decision::{Allowed, Forbidden, Hidden};
    use super::*;

    /// Every caller against verbs of every kind, in its own project and in another one.
    #[test]
    fn the_whole_table() {
        let (own, other) = (ProjectId::default_project(), ProjectId::system());
        let id = || TokenId::parse("t-1").unwrap();
        let origin = || Origin::new([192, 0, 2, 7], "r-1");
        let token = |scopes: &[Scope]| Caller::Token {
            token: id(),
            project: own.clone(),
            scopes: scopes.to_vec(),
            sources: vec![],
            origin: origin(),
        };
        let asked = [
            (Verb::PostEvents, Some(&own)),
            (Verb::ListEvents, Some(&own)),
            (Verb::UpdateConnection, Some(&own)),
            (Verb::RedirectConnection, Some(&own)),
            (Verb::ListProjects, None),
            (Verb::Metrics, None),
            (Verb::CreateProject, None),
            (Verb::ListEvents, None),
            (Verb::PostEvents, Some(&other)),
            (Verb::RedirectConnection, Some(&other)),
        ];
        let all = [Scope::Ingest, Scope::Read, Scope::Configure, Scope::Metrics];
        let (y, n, h) = (Allowed, Forbidden, Hidden);
        let account = Principal::Account { id: AccountId::parse("u-1").unwrap(), name: "operator".to_owned() };
        let table = [
            (Caller::Operator { by: Principal::Token(id()), origin: origin() }, [y; 10]),
            (Caller::Operator { by: account, origin: origin() }, [y; 10]),
            (Caller::Service, [y; 10]),
            (token(&[]), [n, n, n, n, y, n, n, n, h, h]),
            (token(&[Scope::Ingest]), [y, n, n, n, y, n, n, n, h, h]),
            (token(&[Scope::Read]), [n, y, n, n, y, n, n, n, h, h]),
            (token(&[Scope::Configure]), [n, n, y, n, y, n, n, n, h, h]),
            (token(&[Scope::Metrics]), [n, n, n, n, y, y, n, n, h, h]),
            (token(&[Scope::Read, Scope::Configure]), [n, y, y, y, y, n, n, n, h, h]),
            (token(&all), [y, y, y, y, y, y, n, n, h, h]),
        ];
        for (caller, expected) in table {
            let decided = asked.map(|(verb, project)| allows(&caller, verb, project));
            assert_eq!(decided, expected, "{caller:?}");
        }
        assert!(knows(&token(&[]), &own) && !knows(&token(&all), &other) && knows(&Caller::Service, &other));
    }
}

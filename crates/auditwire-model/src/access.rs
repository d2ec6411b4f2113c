//! Who asks, from where, and who may do what: the one decision table.

use std::net::IpAddr;

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

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right<'a> {
    /// Send events to a project.
    Ingest(&'a ProjectId),
    /// See a project's events and connections.
    Read(&'a ProjectId),
    /// Change a project's connections and tokens.
    Configure(&'a ProjectId),
    /// Create projects and see all of them.
    Operate,
    /// Read the metrics.
    Metrics,
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

/// The one decision.
#[must_use]
pub fn allows(caller: &Caller, right: Right<'_>) -> Decision {
    match caller {
        Caller::Operator { .. } | Caller::Service => Decision::Allowed,
        Caller::Token { project, scopes, .. } => {
            let (wanted, of) = match right {
                Right::Ingest(p) => (Scope::Ingest, Some(p)),
                Right::Read(p) => (Scope::Read, Some(p)),
                Right::Configure(p) => (Scope::Configure, Some(p)),
                Right::Metrics => (Scope::Metrics, None),
                Right::Operate => return Decision::Forbidden,
            };
            if of.is_some_and(|p| p != project) {
                Decision::Hidden
            } else if scopes.contains(&wanted) {
                Decision::Allowed
            } else {
                Decision::Forbidden
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Decision::{Allowed, Forbidden, Hidden};
    use super::*;

    /// Every caller against every right, in its own project and in another one.
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
        let rights = [
            Right::Ingest(&own),
            Right::Read(&own),
            Right::Configure(&own),
            Right::Metrics,
            Right::Operate,
            Right::Ingest(&other),
            Right::Read(&other),
            Right::Configure(&other),
        ];
        let all = [Scope::Ingest, Scope::Read, Scope::Configure, Scope::Metrics];
        let (y, n, h) = (Allowed, Forbidden, Hidden);
        let account = Principal::Account { id: AccountId::parse("u-1").unwrap(), name: "operator".to_owned() };
        let table = [
            (Caller::Operator { by: Principal::Token(id()), origin: origin() }, [y; 8]),
            (Caller::Operator { by: account, origin: origin() }, [y; 8]),
            (Caller::Service, [y; 8]),
            (token(&[]), [n, n, n, n, n, h, h, h]),
            (token(&[Scope::Ingest]), [y, n, n, n, n, h, h, h]),
            (token(&[Scope::Read]), [n, y, n, n, n, h, h, h]),
            (token(&[Scope::Configure]), [n, n, y, n, n, h, h, h]),
            (token(&[Scope::Metrics]), [n, n, n, y, n, h, h, h]),
            (token(&[Scope::Read, Scope::Configure]), [n, y, y, n, n, h, h, h]),
            (token(&all), [y, y, y, y, n, h, h, h]),
        ];
        for (caller, expected) in table {
            let decided = rights.map(|right| allows(&caller, right));
            assert_eq!(decided, expected, "{caller:?}");
        }
    }
}

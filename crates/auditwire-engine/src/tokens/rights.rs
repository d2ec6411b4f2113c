//! What a token may do: its own rights, as far as every token that it comes from has them still. Pure.

use auditwire_model::Timestamp;
use auditwire_model::access::Scope;

use crate::records::Token;

/// Rights of a token, or what is left of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) scopes: Vec<Scope>,
    /// The `source.id`s it may send; empty means any.
    pub(crate) sources: Vec<String>,
    /// When they end.
    pub(crate) ends_at: Option<Timestamp>,
}

/// In which way rights go beyond those of a maker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    Scopes,
    Sources,
    Expiry,
}

impl Rights {
    /// What the token was given.
    pub(crate) fn given(token: &Token) -> Self {
        Self { scopes: token.scopes.clone(), sources: token.sources.clone(), ends_at: token.expires_at }
    }

    /// Whether they hold at that time.
    pub(crate) fn hold(&self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| now < end)
    }

    /// What both have.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.scopes.retain(|scope| other.scopes.contains(scope));
        if self.sources.is_empty() {
            self.sources.clone_from(&other.sources);
        } else if !other.sources.is_empty() {
            self.sources.retain(|source| other.sources.contains(source));
            // An empty list would mean any source.
            if self.sources.is_empty() {
                self.scopes.retain(|scope| *scope != Scope::Ingest);
            }
        }
        self.ends_at = earlier(self.ends_at, other.ends_at);
        self
    }

    /// How they go beyond what `maker` has; `None` when they do not.
    pub(crate) fn beyond(&self, maker: &Self) -> Option<Excess> {
        if !self.scopes.iter().all(|scope| maker.scopes.contains(scope)) {
            return Some(Excess::Scopes);
        }
        let narrower = !self.sources.is_empty() && self.sources.iter().all(|source| maker.sources.contains(source));
        if self.scopes.contains(&Scope::Ingest) && !maker.sources.is_empty() && !narrower {
            return Some(Excess::Sources);
        }
        let outlives = maker.ends_at.is_some_and(|end| self.ends_at.is_none_or(|wanted| wanted > end));
        outlives.then_some(Excess::Expiry)
    }
}

/// The end that comes first; `None` is no end.
pub(crate) fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (end, None) | (None, end) => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(scopes: &[Scope], sources: &[&str], ends: Option<i64>) -> Rights {
        let sources = sources.iter().map(|source| (*source).to_owned()).collect();
        Rights { scopes: scopes.to_vec(), sources, ends_at: ends.map(|n| Timestamp::EPOCH.saturating_add_nanos(n)) }
    }

    #[test]
    fn what_two_have_in_common_goes_beyond_neither() {
        let all = [Scope::Ingest, Scope::Read, Scope::Configure];
        let mut samples = Vec::new();
        for scopes in [&all[..], &all[..1], &all[1..], &[]] {
            for sources in [&[][..], &["a"], &["b"], &["a", "b"]] {
                for ends in [None, Some(1), Some(2)] {
                    samples.push(rights(scopes, sources, ends));
                }
            }
        }
        for a in &samples {
            assert_eq!(a.beyond(a), None);
            for b in &samples {
                let both = a.clone().and(b);
                assert_eq!((both.beyond(a), both.beyond(b)), (None, None), "{a:?} and {b:?}");
                // Nothing is lost that both have.
                for scope in all {
                    let had = a.scopes.contains(&scope) && b.scopes.contains(&scope);
                    let apart = a.sources == ["a"] && b.sources == ["b"] || a.sources == ["b"] && b.sources == ["a"];
                    let expected = had && !(scope == Scope::Ingest && apart);
                    assert_eq!(both.scopes.contains(&scope), expected, "{a:?} and {b:?}");
                }
            }
        }
    }

    #[test]
    fn each_way_of_going_beyond_is_named() {
        let maker = rights(&[Scope::Ingest], &["a"], Some(5));
        assert_eq!(rights(&[Scope::Read], &["a"], Some(5)).beyond(&maker), Some(Excess::Scopes));
        assert_eq!(rights(&[Scope::Ingest], &[], Some(5)).beyond(&maker), Some(Excess::Sources));
        assert_eq!(rights(&[Scope::Ingest], &["b"], Some(5)).beyond(&maker), Some(Excess::Sources));
        assert_eq!(rights(&[Scope::Ingest], &["a"], None).beyond(&maker), Some(Excess::Expiry));
        assert_eq!(rights(&[Scope::Ingest], &["a"], Some(6)).beyond(&maker), Some(Excess::Expiry));
        assert_eq!(rights(&[Scope::Ingest], &["a"], Some(4)).beyond(&maker), None);
    }
}

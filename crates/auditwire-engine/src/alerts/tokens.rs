//! Which tokens end soon, and which have ended although events came by them. Pure.

use std::time::Duration;

use auditwire_model::Timestamp;
use auditwire_model::access::Scope;

use super::conditions::Condition;
use super::{AlertKind, TOKEN_DAYS};
use crate::tokens::TokenView;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Whoever makes a token for so short a time knows when it ends.
const TOLD_FROM: Duration = DAY;
/// How long it stands that a token has ended.
const ENDED: Duration = Duration::from_secs(7 * 24 * 3600);

/// Judges a token by its own end and by those of the tokens that it comes from.
pub(super) fn ending(view: &TokenView, now: Timestamp) -> Option<Condition> {
    let end = view.ends_at?;
    if end.since(view.token.lasts_from) <= TOLD_FROM {
        return None;
    }
    let sends = view.token.scopes.contains(&Scope::Ingest);
    let step = if end <= now { ended(view, end, now)? } else { soon(end.since(now))? };
    let (name, id, at) = (&view.token.name, &view.token.id, end.whole_seconds());
    let with =
        view.ends_with.as_ref().map(|maker| format!(", with token {maker} that it comes from")).unwrap_or_default();
    let verb = if step == 0 { "has ended" } else { "ends" };
    let so = match (sends, step) {
        (true, 0) => "; what it sends is refused",
        (true, _) => "; what it sends is refused from then on",
        (false, _) => "",
    };
    Some(Condition {
        kind: AlertKind::TokenExpiring,
        step,
        message: format!("API token {name} ({id}) {verb} at {at}{with}{so}"),
        remedy: match &view.ends_with {
            None => format!("Rotate it and hand the new secret out (auditwire tokens rotate {id}), or revoke it."),
            Some(maker) => format!(
                "Rotate token {maker} (auditwire tokens rotate {maker}), have another token make one for this sender, or revoke it."
            ),
        },
    })
}

/// The step that was reached.
fn soon(left: Duration) -> Option<u64> {
    TOKEN_DAYS.into_iter().rev().find(|days| left <= DAY * u32::try_from(*days).unwrap_or(1))
}

/// Stands for a while, for a token that sent events up to its end.
fn ended(view: &TokenView, end: Timestamp, now: Timestamp) -> Option<u64> {
    let sent =
        view.token.scopes.contains(&Scope::Ingest) && view.last_used_at.is_some_and(|used| end.since(used) < ENDED);
    (sent && now.since(end) < ENDED).then_some(0)
}

#[cfg(test)]
mod tests {
    use auditwire_model::{ProjectId, TokenId};

    use super::*;
    use crate::records::Token;

    fn at(days: i64) -> Timestamp {
        Timestamp::EPOCH.saturating_add_nanos(days * 24 * 3600 * 1_000_000_000)
    }

    fn view(scope: Scope, ends: Option<i64>) -> TokenView {
        let token = Token {
            id: TokenId::parse("t-1").unwrap(),
            name: "agent".to_owned(),
            project: Some(ProjectId::default_project()),
            scopes: vec![scope],
            sources: vec![],
            sha256: String::new(),
            created_at: at(0),
            expires_at: ends.map(at),
            parent: None,
            made_by: None,
            lasts_from: at(0),
            earlier: vec![],
        };
        TokenView { token, ends_at: ends.map(at), ends_with: None, last_used_at: None, children: vec![] }
    }

    fn step(view: &TokenView, day: i64) -> Option<u64> {
        ending(view, at(day)).map(|condition| condition.step)
    }

    #[test]
    fn an_end_is_told_seven_days_and_a_day_before() {
        for scope in [Scope::Ingest, Scope::Read] {
            let ends = view(scope, Some(90));
            let told: Vec<_> = [82, 83, 88, 89].map(|day| step(&ends, day)).into();
            assert_eq!(told, [None, Some(7), Some(7), Some(1)], "{scope:?}");
            assert_eq!(step(&view(scope, None), 82), None);
            assert_eq!(step(&view(scope, Some(1)), 0), None, "who makes one for a day knows");
            assert_eq!(step(&view(scope, Some(2)), 0), Some(7));
        }
    }

    #[test]
    fn that_it_has_ended_stands_while_somebody_may_still_send_by_it() {
        let mut sends = view(Scope::Ingest, Some(90));
        assert_eq!(step(&sends, 90), None, "nothing came by it");
        sends.last_used_at = Some(at(89));
        assert_eq!([90, 96, 97].map(|day| step(&sends, day)), [Some(0), Some(0), None]);
        let mut reads = view(Scope::Read, Some(90));
        reads.last_used_at = Some(at(89));
        assert_eq!(step(&reads, 90), None);
    }

    #[test]
    fn what_it_ends_with_is_named() {
        let mut view = view(Scope::Ingest, Some(90));
        let told = ending(&view, at(85)).unwrap();
        assert_eq!(
            told.message,
            "API token agent (t-1) ends at 1970-04-01T00:00:00Z; what it sends is refused from then on"
        );
        assert!(told.remedy.contains("tokens rotate t-1"), "{}", told.remedy);
        view.ends_with = Some(TokenId::parse("t-0").unwrap());
        let told = ending(&view, at(85)).unwrap();
        assert!(told.message.contains("with token t-0") && told.remedy.contains("rotate t-0"), "{told:?}");
    }
}

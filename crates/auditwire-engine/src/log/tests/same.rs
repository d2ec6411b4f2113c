//! A repeated event gets the same verdict before and after it was sealed.

use auditwire_model::event::{Outcome, content_bytes};
use proptest::prelude::*;

use super::*;
use crate::intake::content_digest;

fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop_oneof![Just(String::new()), Just("a".to_owned()), Just("b".to_owned())])
}

fn draft() -> impl Strategy<Value = EventDraft> {
    let times = prop::option::of((0..3i64).prop_map(time));
    let plane = prop::option::of(prop_oneof![Just(Plane::Control), Just(Plane::Data)]);
    let outcome = prop::option::of(prop_oneof![Just(Outcome::Unknown), Just(Outcome::Success), Just(Outcome::Failure)]);
    let pairs = prop::collection::btree_map("[ab]", "[cd]{0,1}", 0..2).prop_map(|map| map.into_iter().collect());
    let labels = prop::collection::vec(prop_oneof![Just("x".to_owned()), Just("id-conflict".to_owned())], 0..2);
    let code = prop::option::of(prop_oneof![Just("200".to_owned()), Just("404".to_owned())]);
    (times, plane, outcome, pairs, labels, code, text(), text()).prop_map(
        |(timestamp, plane, outcome, pairs, labels, status_code, message, user)| EventDraft {
            event_id: Some("id".to_owned()),
            action: "act".to_owned(),
            timestamp,
            plane,
            outcome,
            resource_metadata: pairs,
            labels,
            status_code,
            message,
            subject_user_id: user,
            ..EventDraft::default()
        },
    )
}

fn completed(draft: &EventDraft, door: Plane) -> Event {
    let mut content = Vec::new();
    content_bytes(draft, &mut content);
    draft.clone().complete(String::new, door, time(1), content_digest(&content))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn sealing_changes_no_verdict(first in draft(), others in prop::collection::vec((draft(), any::<bool>()), 1..6)) {
        crate::log::tests::run(async {
            // Without a tail, so that both read what is stored.
            let settings = LogSettings { tail_bytes_max: 0, ..tiny() };
            let store = || Arc::new(MemoryStore::default());
            let (fresh, sealed) = (open(&store(), settings.clone()).await, open(&store(), settings).await);
            let first = completed(&first, Plane::Control);
            for log in [&fresh, &sealed] {
                assert_eq!(positions(log, &project(0), vec![first.clone()]).await, [Some(1)]);
            }
            sealed.seal_now().await.unwrap();
            assert_eq!(sealed.stats().await.unwrap().seal.fresh, 0);
            // The same again is never anything but a duplicate, also through another door.
            let again = Event { plane: Plane::Data, ..first.clone() };
            let again = if first.draft.plane.is_none() { again } else { first };
            assert_eq!(positions(&sealed, &project(0), vec![again]).await, [None]);
            for (other, data) in others {
                let event = completed(&other, if data { Plane::Data } else { Plane::Control });
                let before = positions(&fresh, &project(0), vec![event.clone()]).await;
                assert_eq!(positions(&sealed, &project(0), vec![event]).await, before, "{other:?}");
                sealed.seal_now().await.unwrap();
            }
        });
    }
}

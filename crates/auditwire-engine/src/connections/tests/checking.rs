//! A check in the background: seen stage by stage, recorded like any other, and never running for ever.

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;
use crate::delivery::check::Stage;
use crate::store::memory::Fault;

/// A receiver on loopback that reads to the end and closes, like a syslog server does, or hangs.
async fn receiver(reads: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            if reads {
                tokio::spawn(async move { stream.read_to_end(&mut Vec::new()).await });
            } else {
                held.push(stream);
            }
        }
    });
    address
}

impl World {
    async fn create_at(&self, name: &str, endpoint: &str) -> ConnectionId {
        let body = json!({"name": name, "endpoint": endpoint, "transport": "tcp"});
        create(&self.engine, &self.caller, &self.project, input(&body), None).await.unwrap().stored.id
    }

    async fn begin(&self, id: &ConnectionId) -> Result<()> {
        begin_check(&self.engine, &self.caller, &self.project, id.as_str()).await
    }

    async fn state(&self, id: &ConnectionId) -> Option<CheckState> {
        check_state(&self.engine, &self.caller, &self.project, id.as_str()).await.unwrap()
    }

    /// Waits until the state is as wanted.
    async fn until(&self, id: &ConnectionId, wanted: impl Fn(Option<&CheckState>) -> bool) -> Option<CheckState> {
        let look = async {
            loop {
                let state = self.state(id).await;
                if wanted(state.as_ref()) {
                    return state;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), look).await.expect("the state within 30 s")
    }
}

fn ended(state: Option<&CheckState>) -> bool {
    state.is_some_and(|s| !s.running)
}

#[tokio::test]
async fn a_check_that_panics_says_so_and_gives_its_place_back() {
    let world = World::new().await;
    let a = world.create_at("a", &receiver(true).await).await;
    world.engine.tasks().faults().arm("check", "a", 4);
    // Two may run at once.
    for _ in 0..3 {
        let report = check_stored(&world.engine, &world.caller, &world.project, a.as_str(), None).await.unwrap();
        assert_eq!((report.ok, report.code()), (false, "internal"));
    }
    world.begin(&a).await.unwrap();
    let state = world.until(&a, ended).await.unwrap();
    assert!(!state.ok && state.stages.iter().any(|stage| stage.code == "internal"), "{state:?}");
    let report = check_stored(&world.engine, &world.caller, &world.project, a.as_str(), None).await.unwrap();
    assert!(report.ok, "{report:?}");
}

#[tokio::test]
async fn a_check_in_the_background_is_seen_stage_by_stage_and_counts_for_the_activation() {
    let world = World::new().await;
    let a = world.create_at("a", &receiver(true).await).await;
    assert_eq!(world.state(&a).await, None);
    let before = world.head();
    world.begin(&a).await.unwrap();
    let begun = world.state(&a).await.unwrap();
    assert_eq!((begun.running, begun.ok, begun.counts, begun.revision), (true, false, false, 1));
    assert_eq!((begun.at, begun.expected.len()), (world.clock.now(), 6));
    world.clock.advance(MINUTE);
    let watching = world.until(&a, |s| s.is_some_and(|s| s.stages.len() == 4)).await.unwrap();
    assert!(watching.running, "the watch takes 2 s");
    assert_eq!(watching.stages.last().map(|s| (s.stage, s.ok)), Some((Stage::Send, true)));
    let done = world.until(&a, ended).await.unwrap();
    assert_eq!((done.ok, done.confirmed, done.counts, done.at), (true, true, true, world.clock.now()));
    assert_eq!(done.stages.iter().map(|s| s.stage).collect::<Vec<_>>(), done.expected);
    assert_eq!(
        done.stages[..4].iter().map(|s| &s.message).collect::<Vec<_>>(),
        watching.stages.iter().map(|s| &s.message).collect::<Vec<_>>()
    );
    assert_eq!(world.actions(before).await, ["siem-connection-check"]);
    let activated = activate(&world.engine, &world.caller, &world.project, a.as_str(), None, false).await.unwrap();
    assert!(activated.check.is_none());
}

#[tokio::test]
async fn a_result_survives_a_restart_and_stops_counting() {
    let world = World::new().await;
    let a = world.create("a").await.stored.id;
    world.begin(&a).await.unwrap();
    let failed = world.until(&a, ended).await.unwrap();
    let stage = failed.stages.last().unwrap();
    assert_eq!((stage.stage, stage.ok, &*stage.code), (Stage::Address, false, "address_forbidden"));
    assert!(!stage.message.is_empty() && !stage.remedy.is_empty());
    assert_eq!((failed.ok, failed.counts, failed.expected.len()), (false, false, 6));
    world.engine.close().await;
    let world = world.reopened().await;
    assert_eq!(world.state(&a).await, Some(failed.clone()));
    update(&world.engine, &world.caller, &world.project, a.as_str(), input(&body("b")), None).await.unwrap();
    let earlier = world.state(&a).await.unwrap();
    assert_eq!((earlier.revision, earlier.expected), (1, vec![Stage::Address]));
    world.pass_check(&a).await;
    assert!(world.state(&a).await.unwrap().counts);
    world.clock.advance(MINUTE * 10 + Duration::from_nanos(1));
    let old = world.state(&a).await.unwrap();
    assert_eq!((old.ok, old.counts), (true, false));
}

#[tokio::test]
async fn checks_of_the_api_and_of_an_activation_are_seen_alike() {
    let world = World::new().await;
    let a = world.create_at("a", &receiver(false).await).await;
    let candidate = check_stored(&world.engine, &world.caller, &world.project, a.as_str(), Some(input(&body("b"))));
    candidate.await.unwrap();
    assert_eq!(world.state(&a).await, None, "a candidate is not what is stored");
    let stored = check_stored(&world.engine, &world.caller, &world.project, a.as_str(), None);
    let seen = world.until(&a, |s| s.is_some_and(|s| s.running && s.stages.len() == 3));
    tokio::select! {
        _ = stored => panic!("a check takes longer than that"),
        seen = seen => assert!(seen.is_some()),
    }
    assert_eq!(world.state(&a).await, None, "its request was dropped");
    let activation = activate(&world.engine, &world.caller, &world.project, a.as_str(), None, false);
    let seen = world.until(&a, |s| s.is_some_and(|s| s.running && s.stages.len() == 3));
    tokio::select! {
        _ = activation => panic!("a check takes longer than that"),
        seen = seen => assert!(seen.is_some()),
    }
}

#[tokio::test]
async fn one_check_of_a_revision_runs_at_a_time() {
    let world = World::new().await;
    let silent = receiver(false).await;
    let (a, b) = (world.create_at("a", &silent).await, world.create_at("b", &silent).await);
    world.begin(&a).await.unwrap();
    world.begin(&a).await.unwrap();
    world.begin(&b).await.unwrap();
    assert_eq!(code(world.begin(&world.create("c").await.stored.id).await), "too_many_checks");
    world.begin(&a).await.unwrap();
    let changed = json!({"name": "a", "endpoint": silent, "transport": "udp"});
    update(&world.engine, &world.caller, &world.project, a.as_str(), input(&changed), None).await.unwrap();
    assert_eq!(code(world.begin(&a).await), "too_many_checks", "a changed connection is another question");
    assert_eq!(world.state(&a).await.unwrap().revision, 1);
}

#[tokio::test]
async fn closing_ends_a_check_without_a_result() {
    let world = World::new().await;
    let a = world.create_at("a", &receiver(false).await).await;
    let before = world.head();
    world.begin(&a).await.unwrap();
    world.until(&a, |s| s.is_some_and(|s| s.stages.len() == 3)).await;
    let closed = tokio::time::timeout(Duration::from_secs(3), world.engine.close()).await;
    assert!(closed.is_ok(), "the check would go on for more than 4 s");
    assert_eq!(world.state(&a).await, None);
    assert_eq!(world.head(), before);
    assert_eq!(code(world.begin(&a).await), "closing");
}

#[tokio::test]
async fn a_result_that_cannot_be_recorded_leaves_nothing_running() {
    let world = World::new().await;
    let a = world.create("a").await.stored.id;
    world.store.inject(0, Fault::Full);
    world.begin(&a).await.unwrap();
    assert_eq!(world.until(&a, |s| s.is_none_or(|s| !s.running)).await, None);
    world.begin(&a).await.unwrap();
    assert!(world.until(&a, ended).await.is_some());
}

//! Random appends, restarts, faults and crashes between any two steps, compared with a plain list.

use std::collections::HashMap;

use auditwire_model::query::{Field, Op, Value};
use futures_util::FutureExt;
use futures_util::future::join_all;
use proptest::prelude::*;

use super::*;
use crate::error::Kind;
use crate::log::Receipt;
use crate::store::memory::Fault;
use crate::store::{Change, Effect, Expect, RecordKey, RecordKind};

#[derive(Debug, Clone)]
struct Batch {
    project: u8,
    /// Id, content, event time.
    events: Vec<(u8, u8, i64)>,
    /// With a change whose expectation fails.
    conflicts: bool,
}

#[derive(Debug, Clone)]
enum Step {
    /// Several submitters at once.
    Submit(Vec<Batch>),
    /// The same, while the store misbehaves in one of the next commits.
    Faulty(Vec<Batch>, u64, Fault),
    /// A clean restart.
    Restart,
    /// A crash while nothing is under way.
    Crash,
    Read {
        project: u8,
        from: u64,
        to: u64,
        times: Option<(i64, i64)>,
        content: Option<u8>,
        newest_first: bool,
        limit: Option<usize>,
    },
}

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let event = (0..40u8, 0..3u8, 0..50i64);
    let batch = (0..2u8, prop::collection::vec(event, 0..9), prop::bool::weighted(0.1))
        .prop_map(|(project, events, conflicts)| Batch { project, events, conflicts });
    prop::collection::vec(batch, 1..6)
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        Just(Fault::Full),
        Just(Fault::FailBefore),
        Just(Fault::FailAfter),
        Just(Fault::Unsynced),
        Just(Fault::HangBefore),
        Just(Fault::HangAfter)
    ];
    let limit = prop::option::of(1..20usize);
    let times = prop::option::of((0..50i64, 0..50i64));
    let read = (0..2u8, 0..80u64, 0..200u64, times, prop::option::of(0..3u8), any::<bool>(), limit).prop_map(
        |(project, from, to, times, content, newest_first, limit)| Step::Read {
            project,
            from,
            to,
            times,
            content,
            newest_first,
            limit,
        },
    );
    prop_oneof![
        6 => batches().prop_map(Step::Submit),
        3 => (batches(), 0..3u64, fault).prop_map(|(b, skip, fault)| Step::Faulty(b, skip, fault)),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
        4 => read,
    ]
}

/// The log as a list, per project: id, content, event time.
type Lists = HashMap<u8, Vec<(String, u8, i64)>>;

/// What a submission does to the list; the positions it gets.
fn apply(lists: &mut Lists, batch: &Batch) -> Vec<Option<u64>> {
    let list = lists.entry(batch.project).or_default();
    let mut positions = Vec::new();
    for (id, content, at) in &batch.events {
        let mut id = format!("id-{id}");
        let repeated = loop {
            match list.iter().find(|(known, ..)| *known == id) {
                None => break false,
                Some((_, known, _)) if known == content => break true,
                Some(_) => id = format!("{id}~{}", hex::encode([*content; 4])),
            }
        };
        if repeated {
            positions.push(None);
        } else {
            list.push((id, *content, *at));
            positions.push(Some(list.len() as u64));
        }
    }
    positions
}

struct World {
    store: Arc<MemoryStore>,
    log: Log,
    lists: Lists,
}

impl World {
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let log = open(&store, tiny()).await;
        Self { store, log, lists: Lists::new() }
    }

    fn submissions(&self, batches: &[Batch]) -> Vec<Submission> {
        let one = |batch: &Batch| {
            let events =
                batch.events.iter().map(|(id, content, at)| event(&format!("id-{id}"), *content, *at)).collect();
            let mut submission = submission(&project(batch.project), events);
            if batch.conflicts {
                let key = RecordKey::global(RecordKind::Instance, "never");
                submission.changes = vec![Change { key, expect: Expect::Version(7), effect: Effect::Delete }];
            }
            submission
        };
        batches.iter().map(one).collect()
    }

    async fn submit(&mut self, batches: &[Batch]) {
        let submissions = self.submissions(batches);
        let answers = join_all(submissions.into_iter().map(|s| self.log.submit(s))).await;
        for (batch, answer) in batches.iter().zip(answers) {
            self.account(batch, answer);
        }
    }

    /// An answer must be what the list says; a refusal must have changed nothing.
    fn account(&mut self, batch: &Batch, answer: crate::error::Result<Receipt>) {
        match answer {
            Ok(receipt) => {
                assert!(!batch.conflicts);
                let given: Vec<Option<u64>> = receipt.positions.into_iter().map(|p| p.map(|p| p.0)).collect();
                assert_eq!(given, apply(&mut self.lists, batch));
            }
            Err(error) if batch.conflicts && error.kind == Kind::Conflict => {}
            Err(error) => assert!(["storage_full", "storage_failed", "closing"].contains(&error.code), "{error:?}"),
        }
    }

    async fn faulty(&mut self, batches: &[Batch], skip: u64, fault: Fault) {
        self.store.inject(skip, fault);
        let log = self.log.clone();
        let submissions = self.submissions(batches);
        let mut answers: Vec<_> = submissions
            .into_iter()
            .map(|s| {
                let log = log.clone();
                tokio::spawn(async move { log.submit(s).await })
            })
            .collect();
        // Everything that can go on without the hanging commit has gone on after so many turns.
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        self.store.heal();
        let ended = log.ended().now_or_never().is_some();
        let hangs = answers.iter().any(|answer| !answer.is_finished());
        if !ended && !hangs {
            for (batch, answer) in batches.iter().zip(answers) {
                self.account(batch, answer.await.unwrap());
            }
            return;
        }
        // The process is gone. What was answered must be there; of the rest, a first part may be.
        let mut open = Vec::new();
        for (batch, answer) in batches.iter().zip(&mut answers) {
            match answer.now_or_never() {
                Some(Ok(answer)) if !answer.as_ref().is_err_and(|e| e.kind == Kind::Internal) => {
                    self.account(batch, answer)
                }
                _ if !batch.conflicts => open.push(batch.clone()),
                _ => {}
            }
        }
        self.crash().await;
        let found = self.found().await;
        for applied in 0..=open.len() {
            let mut lists = self.lists.clone();
            open[..applied].iter().for_each(|batch| drop(apply(&mut lists, batch)));
            lists.retain(|_, list| !list.is_empty());
            if lists == found {
                self.lists = lists;
                return;
            }
        }
        panic!("after the crash neither old nor new: {found:?}");
    }

    async fn crash(&mut self) {
        self.store = Arc::new(self.store.crash());
        self.log = open(&self.store, tiny()).await;
    }

    async fn found(&self) -> Lists {
        let mut lists = Lists::new();
        for n in 0..2 {
            let mut list = Vec::new();
            for (seq, id, at, _) in read(&self.log, whole(&project(n))).await {
                list.push((id, self.content(&project(n), seq).await, at));
            }
            if !list.is_empty() {
                lists.insert(n, list);
            }
        }
        lists
    }

    async fn content(&self, project: &ProjectId, seq: u64) -> u8 {
        let row = self.log.event(project, Position(seq)).await.unwrap().unwrap();
        let action = auditwire_model::event::view(&row, 0).action;
        action.strip_prefix("action-").unwrap().parse().unwrap()
    }

    async fn read(&self, scan: Scan, content: Option<u8>, n: u8) {
        let list = self.lists.get(&n).map_or(&[][..], Vec::as_slice);
        let inside = |(seq, (_, c, at)): &(u64, &(String, u8, i64))| {
            (scan.from.0..=scan.to.0).contains(seq)
                && scan.time_from.is_none_or(|t| t.as_nanos() <= *at)
                && scan.time_to.is_none_or(|t| *at < t.as_nanos())
                && content.is_none_or(|wanted| wanted == *c)
        };
        let mut expected: Vec<(u64, String)> =
            (1..).zip(list).filter(inside).map(|(seq, (id, ..))| (seq, id.clone())).collect();
        if scan.order == Order::Descending {
            expected.reverse();
        }
        expected.truncate(scan.limit.unwrap_or(usize::MAX));
        let found: Vec<(u64, String)> =
            read(&self.log, scan.clone()).await.into_iter().map(|(seq, id, ..)| (seq, id)).collect();
        assert_eq!(found, expected, "{scan:?}");
    }

    async fn run(&mut self, step: Step) {
        match step {
            Step::Submit(batches) => self.submit(&batches).await,
            Step::Faulty(batches, skip, fault) => self.faulty(&batches, skip, fault).await,
            Step::Restart => {
                self.log.close().await;
                self.log = open(&self.store, tiny()).await;
            }
            Step::Crash => self.crash().await,
            Step::Read { project: n, from, to, times, content, newest_first, limit } => {
                let scan = Scan {
                    from: Position(from),
                    to: Position(to),
                    time_from: times.map(|(from, _)| time(from)),
                    time_to: times.map(|(_, to)| time(to)),
                    order: if newest_first { Order::Descending } else { Order::Ascending },
                    limit,
                    predicate: content.map_or(Expr::All, |content| {
                        let action = Field::Column(auditwire_model::event::columns::ACTION);
                        Expr::Compare(action, Op::Equal, Value::Text(format!("action-{content}")))
                    }),
                    ..whole(&project(n))
                };
                self.read(scan, content, n).await;
            }
        }
    }

    /// What must be true after every step.
    async fn check(&self) {
        for n in 0..2 {
            let rows = read(&self.log, whole(&project(n))).await;
            let list = self.lists.get(&n).map_or(&[][..], Vec::as_slice);
            assert_eq!(rows.len(), list.len());
            assert_eq!(self.log.head(&project(n)), Position(list.len() as u64));
            let mut received = 0;
            for ((seq, id, at, received_at), (expected, (expected_id, _, expected_at))) in
                rows.iter().zip((1..).zip(list))
            {
                assert_eq!((*seq, id, at), (expected, expected_id, expected_at));
                assert!(*received_at >= received, "received_at decreases at {seq}");
                received = *received_at;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn the_log_is_the_list(steps in prop::collection::vec(step(), 1..40)) {
        crate::log::tests::run(async {
            let mut world = World::new().await;
            for step in steps {
                world.run(step).await;
                world.check().await;
            }
        });
    }
}

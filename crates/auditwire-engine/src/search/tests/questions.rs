//! Count, histogram and facets against a plain list of events, and their limits.

use std::collections::HashMap;

use auditwire_model::Severity;
use auditwire_model::event::Outcome;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;
/// 2026-11-22, two hours before the engine's clock.
const BEGIN: &str = "2026-11-22T08:00:00Z";

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::parse(BEGIN).unwrap().saturating_add_nanos(seconds * SECOND)
}

/// Few values, so that they meet.
fn any_event() -> impl Strategy<Value = EventDraft> {
    let text = |of: &'static [&'static str]| prop::sample::select(of).prop_map(str::to_owned);
    let maybe = move |of| prop::option::of(text(of));
    (
        (-3600..7200_i64, 0..9_u8, text(&["create-vm", "user-signin", "вход"]), maybe(&["iam", "nova", ""])),
        (prop::bool::ANY, maybe(&["ann", "bob"]), maybe(&["IAM", "DB"]), vec(text(&["pci", "mfa", "x"]), 0..3)),
        (0..3_u8, maybe(&["200", "404", "-1"])),
    )
        .prop_map(|((seconds, rank, action, source_id), (control, email, service, labels), (outcome, code))| {
            let pair = |key: &str, value: Option<String>| value.map(|value| (key.to_owned(), value));
            EventDraft {
                timestamp: Some(at(seconds)),
                severity: Severity::from_rank(rank).unwrap(),
                action,
                source_id,
                plane: Some(if control { Plane::Control } else { Plane::Data }),
                subject_metadata: pair("email", email).into_iter().collect(),
                resource_metadata: pair("service_id", service).into_iter().collect(),
                labels,
                outcome: Some(Outcome::from_rank(outcome)),
                status_code: code,
                ..EventDraft::default()
            }
        })
}

fn is(column: usize, value: &str) -> Expr {
    Expr::Compare(Field::Column(column), Op::Equal, Value::Text(value.to_owned()))
}

type Meaning = fn(&EventDraft) -> bool;

/// Some queries, and what they mean.
fn queries() -> Vec<(Expr, Meaning)> {
    let warning =
        Expr::Compare(Field::Column(columns::SEVERITY), Op::GreaterOrEqual, Value::Severity(Severity::Warning));
    vec![
        (Expr::All, |_| true),
        (is(columns::ACTION, "вход"), |e| e.action == "вход"),
        (is(columns::SOURCE_ID, "iam"), |e| e.source_id.as_deref() == Some("iam")),
        (warning, |e| e.severity >= Severity::Warning),
        (is(columns::ACTION, "nothing"), |_| false),
    ]
}

#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) events: Vec<EventDraft>,
    query: usize,
    from: Option<i64>,
    to: Option<i64>,
    plane: Option<Plane>,
    buckets: usize,
}

pub(super) fn any_case() -> impl Strategy<Value = Case> {
    let second = || prop::option::of(-4000..8000_i64);
    let plane = prop::option::of(prop::sample::select(vec![Plane::Control, Plane::Data]));
    (vec(any_event(), 0..60), 0..queries().len(), second(), second(), plane, 1..80_usize)
        .prop_map(|(events, query, from, to, plane, buckets)| Case { events, query, from, to, plane, buckets })
}

impl Case {
    pub(super) fn question(&self) -> Question {
        Question {
            query: queries().swap_remove(self.query).0,
            time_from: self.from.map(at),
            time_to: self.to.map(at),
            plane: self.plane,
        }
    }

    /// The events that match.
    pub(super) fn expected(&self) -> Vec<&EventDraft> {
        let meaning = queries().swap_remove(self.query).1;
        let inside = |event: &&EventDraft| {
            let time = event.timestamp.unwrap();
            meaning(event)
                && self.plane.is_none_or(|plane| event.plane == Some(plane))
                && self.from.is_none_or(|from| at(from) <= time)
                && self.to.is_none_or(|to| time < at(to))
        };
        self.events.iter().filter(inside).collect()
    }

    async fn engine(&self) -> Engine {
        let (engine, _) = engine().await;
        // Several groups, so that an answer is put together from several pieces.
        for part in self.events.chunks(7) {
            let items = part.iter().cloned().map(Ok);
            let batch = Intake { items, door: Plane::Control, idempotency_key: None };
            intake::accept(&engine, &operator(), &ProjectId::default_project(), batch).await.unwrap();
        }
        engine
    }
}

pub(super) async fn check_histogram(case: &Case, engine: &Engine, project: &ProjectId) {
    let found = histogram(engine, &operator(), project, &case.question(), case.buckets).await;
    if case.from.zip(case.to).is_some_and(|(from, to)| from >= to) {
        assert_eq!(found.unwrap_err().code, "invalid_range");
        return;
    }
    let found = found.unwrap();
    assert!(!found.partial);
    assert_eq!(found.buckets.len(), case.buckets);
    assert!(found.buckets.windows(2).all(|pair| pair[0].to == pair[1].from));
    let (first, last) = (found.buckets[0], found.buckets[case.buckets - 1]);
    assert!(case.from.is_none_or(|from| at(from) == first.from) && case.to.is_none_or(|to| at(to) == last.to));
    for bucket in &found.buckets {
        assert!(bucket.from < bucket.to);
        let mut counts = Counts::default();
        for event in case.expected() {
            let time = event.timestamp.unwrap();
            if bucket.from <= time && time < bucket.to {
                counts[usize::from(event.severity.rank())] += 1;
            }
        }
        assert_eq!(bucket.counts, counts);
    }
    let all: u64 = found.buckets.iter().flat_map(|bucket| bucket.counts).sum();
    assert_eq!(all, case.expected().len() as u64);
}

/// What a field holds in a draft.
type Values = fn(&EventDraft) -> Vec<String>;

fn fields() -> Vec<(Field, Values)> {
    vec![
        (Field::Column(columns::ACTION), |e| vec![e.action.clone()]),
        (Field::Column(columns::SOURCE_ID), |e| e.source_id.iter().cloned().collect()),
        (Field::Column(columns::SEVERITY), |e| vec![e.severity.to_string()]),
        (Field::Column(columns::PLANE), |e| vec![e.plane.unwrap().as_str().to_owned()]),
        (Field::Column(columns::OUTCOME), |e| vec![e.outcome.unwrap().as_str().to_owned()]),
        (Field::Column(columns::STATUS_CODE), |e| e.status_code.iter().cloned().collect()),
        (Field::Column(columns::TIMESTAMP), |e| vec![e.timestamp.unwrap().to_string()]),
        (Field::Column(columns::LABELS), |e| {
            e.labels.iter().collect::<std::collections::BTreeSet<_>>().into_iter().cloned().collect()
        }),
        (Field::SubjectMetadata("email".to_owned()), |e| {
            e.subject_metadata.iter().map(|(_, v)| v.to_owned()).collect()
        }),
        (Field::ResourceMetadata("service_id".to_owned()), |e| {
            e.resource_metadata.iter().map(|(_, v)| v.to_owned()).collect()
        }),
        (Field::ResourceMetadata("none".to_owned()), |_| Vec::new()),
    ]
}

pub(super) async fn check_facets(case: &Case, engine: &Engine, project: &ProjectId) {
    for (field, values) in fields() {
        let mut counts: HashMap<String, u64> = HashMap::new();
        for value in case.expected().into_iter().flat_map(values) {
            *counts.entry(value).or_default() += 1;
        }
        let mut sorted: Vec<(String, u64)> = counts.into_iter().collect();
        sorted.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
        for limit in [1, 2, 1000] {
            let found = facets(engine, &operator(), project, &case.question(), &field, limit).await.unwrap();
            assert_eq!((found.more, found.partial), (sorted.len() > limit, false), "{field:?}");
            assert_eq!(found.values, sorted[..limit.min(sorted.len())], "{field:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_those_of_a_plain_list(case in any_case()) {
        crate::log::tests::run(async {
            let (engine, project) = (case.engine().await, ProjectId::default_project());
            let found = count(&engine, &operator(), &project, &case.question()).await.unwrap();
            assert_eq!(found, Count { count: case.expected().len() as u64, exact: true });
            check_histogram(&case, &engine, &project).await;
            check_facets(&case, &engine, &project).await;
        });
    }
}

#[tokio::test]
async fn a_histogram_without_a_range_is_of_the_whole_log() {
    let ((engine, _), project) = (engine().await, ProjectId::default_project());
    let reach = async |question: Question| {
        let found = histogram(&engine, &operator(), &project, &question, 60).await.unwrap();
        (found.buckets[0].from.to_string(), found.buckets[59].to.to_string())
    };
    let (from, to) = reach(Question::default()).await;
    assert_eq!((&*from, &*to), ("2026-11-21T10:00:00Z", "2026-11-22T10:01:00Z"), "an empty log: the last day");
    for time in ["2026-11-20T08:00:00.5Z", "2026-11-22T09:59:59Z", "2026-11-21T00:00:00Z"] {
        let timestamp = Some(Timestamp::parse(time).unwrap());
        post(&engine, &project, &EventDraft { action: "a".to_owned(), timestamp, ..EventDraft::default() }, 1).await;
    }
    let (from, to) = reach(Question::default()).await;
    assert_eq!((&*from, &*to), ("2026-11-20T08:00:00Z", "2026-11-22T10:00:00Z"));
    let late = Timestamp::parse("2027-01-01T00:00:00Z").unwrap();
    let (from, to) = reach(Question { time_from: Some(late), ..Question::default() }).await;
    assert_eq!((&*from, &*to), ("2027-01-01T00:00:00Z", "2027-01-01T00:01:00Z"));
    let early = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
    let (from, to) = reach(Question { time_to: Some(early), ..Question::default() }).await;
    assert_eq!((&*from, &*to), ("2025-12-31T23:59:00Z", "2026-01-01T00:00:00Z"));
}

#[tokio::test]
async fn out_of_time_an_answer_says_that_it_is_not_whole() {
    let search = SearchSettings { time_max: Duration::ZERO, ..SearchSettings::default() };
    let (engine, _) = engine_with(Settings { search, ..Settings::default() }).await;
    let (project, caller, all) = (ProjectId::default_project(), operator(), Question::default());
    post(&engine, &project, &EventDraft { action: "a".to_owned(), ..EventDraft::default() }, 3).await;
    assert!(!count(&engine, &caller, &project, &all).await.unwrap().exact);
    let found = histogram(&engine, &caller, &project, &all, 5).await.unwrap();
    assert!(found.partial && found.buckets.len() == 5);
    assert!(facets(&engine, &caller, &project, &all, &Field::Column(columns::ACTION), 5).await.unwrap().partial);
    let search = Search {
        query: Expr::All,
        time_from: None,
        time_to: None,
        plane: None,
        order: Order::Descending,
        after: None,
        limit: 2,
    };
    let page = page(&engine, &caller, &project, &search).await.unwrap();
    assert_eq!((page.partial, page.next), (true, Some(Position(4))), "the next page begins where this one should have");
}

#[tokio::test]
async fn places_are_limited_and_given_back_when_nobody_waits_for_the_answer_any_more() {
    let search = SearchSettings { searches_max: 1, place_wait: Duration::from_millis(20), ..SearchSettings::default() };
    let (engine, _) = engine_with(Settings { search, ..Settings::default() }).await;
    let (project, caller, all) = (ProjectId::default_project(), operator(), Question::default());
    let permit = engine.shared.searches.try_take(&project);
    let endless = Asking::over(stream::pending().boxed(), Instant::now() + Duration::from_secs(60), permit);
    let refused = count(&engine, &caller, &project, &all).await.unwrap_err();
    assert_eq!((refused.code, refused.kind), ("too_many_searches", crate::Kind::Busy));
    assert!(refused.retry_after.is_some());
    let asked = async { collect_nothing(endless).await };
    assert!(tokio::time::timeout(Duration::from_millis(20), asked).await.is_err(), "it is dropped here");
    assert!(count(&engine, &caller, &project, &all).await.unwrap().exact);
}

async fn collect_nothing(mut asking: Asking<()>) {
    while asking.next().await.unwrap().is_some() {}
}

#[tokio::test]
async fn wrong_numbers_and_strangers_are_refused() {
    let ((engine, _), project) = (engine().await, ProjectId::default_project());
    let (caller, all, field) = (operator(), Question::default(), Field::Column(columns::ACTION));
    for buckets in [0, BUCKETS_MAX + 1] {
        assert_eq!(histogram(&engine, &caller, &project, &all, buckets).await.unwrap_err().code, "invalid_buckets");
    }
    for limit in [0, FACETS_MAX + 1] {
        assert_eq!(facets(&engine, &caller, &project, &all, &field, limit).await.unwrap_err().code, "invalid_limit");
    }
    let blind = Caller::Token {
        token: TokenId::parse("t-2").unwrap(),
        project: project.clone(),
        scopes: vec![],
        sources: vec![],
        origin: auditwire_model::access::Origin::new([127, 0, 0, 1], "r-1"),
    };
    assert_eq!(count(&engine, &blind, &project, &all).await.unwrap_err().code, "forbidden");
    assert_eq!(histogram(&engine, &blind, &project, &all, 1).await.unwrap_err().code, "forbidden");
    assert_eq!(facets(&engine, &blind, &project, &all, &field, 1).await.unwrap_err().code, "forbidden");
}

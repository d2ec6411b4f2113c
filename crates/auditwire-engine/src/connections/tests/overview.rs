//! The connections of all projects: order, pages, totals, who may see them.

use proptest::prelude::*;

use super::*;
use crate::delivery::Status;
use crate::projects;
use crate::records::ConnectionRecord;

fn asked(limit: usize) -> OverviewAsked {
    OverviewAsked { limit, ..OverviewAsked::default() }
}

impl World {
    async fn overview(&self, asked: &OverviewAsked) -> Overview {
        overview(&self.engine, &self.caller, asked).await.unwrap()
    }

    /// Projects `p-0000` and so on with a connection each, written at once.
    async fn many(&self, count: usize) {
        let template = self.create("main").await.stored;
        delete(&self.engine, &self.caller, &self.project, &[template.id.to_string()], None).await.unwrap();
        let mut changes = Vec::new();
        for n in 0..count {
            let project = ProjectId::parse(&format!("p-{n:04}")).unwrap();
            changes.push(projects::put(&project, &format!("Project {n}"), self.clock.now()).unwrap());
            let id = ConnectionId::parse(&format!("c-{n:04}")).unwrap();
            let mut connection = template.clone();
            connection.id = id.clone();
            connection.spec.name = format!("SIEM {n}");
            let effect = Effect::Put(ConnectionRecord::from(connection).encode().unwrap());
            let key = RecordKey::of(RecordKind::Connection, &project, id.as_str());
            changes.push(Change { key, expect: Expect::Absent, effect });
        }
        self.engine.log.submit(Submission { changes, ..Submission::default() }).await.unwrap();
    }
}

#[tokio::test]
async fn pages_show_each_connection_once_and_never_more_than_asked_for() {
    let world = World::new().await;
    world.many(1_000).await;
    let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = world.overview(&OverviewAsked { after, ..asked(150) }).await;
        assert!(page.rows.len() <= 150 && page.matched == 1_000);
        assert_eq!(page.totals, OverviewTotals { inactive: 1_000, ..OverviewTotals::default() });
        seen.extend(page.rows.iter().map(|row| (row.project.id.to_string(), row.connection.stored.spec.name.clone())));
        pages += 1;
        after = page.next.map(|next| OverviewPlace::parse(&next.to_string()).unwrap());
        if after.is_none() {
            break;
        }
    }
    let wanted: Vec<_> = (0..1_000).map(|n| (format!("p-{n:04}"), format!("SIEM {n}"))).collect();
    assert_eq!((seen == wanted, pages), (true, 7));
    let exactly = world.overview(&OverviewAsked { text: "SIEM 99".to_owned(), ..asked(11) }).await;
    assert_eq!((exactly.rows.len(), exactly.matched, exactly.next), (11, 11, None));
}

#[tokio::test]
async fn what_is_looked_for_may_stand_in_any_of_four_places() {
    let world = World::new().await;
    world.many(30).await;
    let names = async |text: &str, statuses: &[Status]| {
        let asked = OverviewAsked { text: text.to_owned(), statuses: statuses.to_vec(), ..asked(200) };
        let page = world.overview(&asked).await;
        assert_eq!((page.matched, page.totals.inactive), (page.rows.len(), 30));
        page.rows.into_iter().map(|row| row.connection.stored.spec.name).collect::<Vec<_>>()
    };
    assert_eq!(names("siem 2", &[]).await.len(), 11);
    assert_eq!(names(" P-0007 ", &[]).await, ["SIEM 7"]);
    assert_eq!(names("pROJECT 17", &[]).await, ["SIEM 17"]);
    assert_eq!(names("169.254.0.1:514", &[]).await.len(), 30);
    assert_eq!(names("nothing like it", &[]).await.len(), 0);
    assert_eq!(names("", &[Status::Failing, Status::Degraded, Status::Active]).await.len(), 0);
    assert_eq!(names("", &[Status::Inactive]).await.len(), 30);
}

#[tokio::test]
async fn one_that_is_not_well_comes_first() {
    let world = World::new().await;
    world.many(20).await;
    let ill = ProjectId::parse("p-0013").unwrap();
    let connection = super::super::get(&world.engine, &world.caller, &ill, "c-0013").await.unwrap();
    activate(&world.engine, &world.caller, &ill, connection.stored.id.as_str(), None, true).await.unwrap();
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    let page = loop {
        let page = world.overview(&asked(5)).await;
        if page.totals.degraded + page.totals.failing == 1 {
            break page;
        }
        assert!(tokio::time::Instant::now() < until, "{:?}", page.totals);
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let first = &page.rows[0];
    assert_eq!((first.project.id.as_str(), first.project.name.as_str()), ("p-0013", "Project 13"));
    assert!(first.connection.cause.is_some(), "{first:?}");
    assert_eq!(page.rows[1].project.id.as_str(), "p-0000");
    assert_eq!((page.totals.all(), page.totals.inactive), (20, 19));
    // The page after it begins with the first of those that are well.
    let after = world.overview(&asked(1)).await.next;
    let second = world.overview(&OverviewAsked { after, ..asked(1) }).await;
    assert_eq!(second.rows[0].project.id.as_str(), "p-0000");
}

#[tokio::test]
async fn only_the_operator_may_and_a_question_has_limits() {
    let world = World::new().await;
    let all = [Scope::Ingest, Scope::Read, Scope::Configure, Scope::Metrics];
    assert_eq!(code(overview(&world.engine, &world.token(&all), &asked(10)).await), "forbidden");
    for limit in [0, OVERVIEW_MAX + 1] {
        assert_eq!(code(overview(&world.engine, &world.caller, &asked(limit)).await), "invalid_limit");
    }
    let text = "я".repeat(257);
    let long = OverviewAsked { text, ..asked(10) };
    assert_eq!(code(overview(&world.engine, &world.caller, &long).await), "invalid_text");
}

proptest! {
    #[test]
    fn a_place_is_read_as_it_was_written(name in any::<String>(), nanos in any::<i64>(), well in any::<bool>(), rank in 0_u8..4) {
        let since = Timestamp::from_nanos(nanos).filter(|_| !well);
        let place = OverviewPlace { rank, since, project: ProjectId::system(), name };
        prop_assert_eq!(OverviewPlace::parse(&place.to_string()).unwrap(), place);
    }

    #[test]
    fn no_other_text_is_a_place_or_panics(text in any::<String>()) {
        let read = OverviewPlace::parse(&text);
        prop_assert!(read.is_err_and(|e| e.code == "invalid_cursor"));
    }
}

/// The order of places: by status, then by time, then by project and name.
#[test]
fn the_longest_failing_comes_first() {
    let place = |rank, since: Option<i64>, project: &str, name: &str| OverviewPlace {
        rank,
        since: since.and_then(Timestamp::from_nanos),
        project: ProjectId::parse(project).unwrap(),
        name: name.to_owned(),
    };
    let ordered = [
        place(0, Some(1), "z", "z"),
        place(0, Some(2), "a", "a"),
        place(1, Some(0), "a", "a"),
        place(2, None, "a", "b"),
        place(2, None, "b", "a"),
        place(3, None, "a", "a"),
    ];
    assert!(ordered.is_sorted());
}

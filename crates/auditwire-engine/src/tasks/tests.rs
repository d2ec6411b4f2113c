use std::sync::atomic::AtomicU32;

use super::*;

#[test]
fn the_table_names_each_task_once() {
    let names: std::collections::BTreeSet<_> = Task::ALL.iter().map(|task| task.name()).collect();
    assert_eq!(names.len(), Task::ALL.len());
    for (place, task) in Task::ALL.into_iter().enumerate() {
        assert_eq!(task as usize, place, "{task:?} is counted in its own place");
    }
}

#[tokio::test]
async fn a_vital_task_that_panics_is_a_death_and_one_that_ends_is_not() {
    let tasks = Tasks::default();
    tasks.vital(Task::Upkeep, async { Ok(()) }).await.unwrap();
    assert_eq!(tasks.died(), None);
    tasks.vital(Task::Upkeep, async { panic!("on purpose") }).await.unwrap();
    assert_eq!((tasks.died(), tasks.death().await), (Some(Task::Upkeep), Task::Upkeep));
    tasks.die(Task::Committer);
    assert_eq!(tasks.died(), Some(Task::Upkeep), "the first one stays");
    assert_eq!(tasks.counts(Task::Upkeep), (1, 0));
}

#[tokio::test]
async fn a_task_is_begun_anew_until_it_ends_by_itself() {
    let (tasks, begun) = (Tasks::default(), AtomicU32::new(0));
    let backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(20));
    let at = Instant::now();
    tasks
        .again_after(backoff, Task::Alerts, || async {
            assert_eq!(current(), "alerts");
            assert!(begun.fetch_add(1, Ordering::Relaxed) >= 3, "on purpose");
        })
        .await;
    assert_eq!((begun.load(Ordering::Relaxed), tasks.counts(Task::Alerts)), (4, (3, 3)));
    assert!(at.elapsed() >= Duration::from_millis(5 + 10 + 10), "it waits longer each time: {:?}", at.elapsed());
    assert_eq!(tasks.died(), None);
}

#[tokio::test]
async fn a_task_is_not_begun_anew_while_the_service_closes() {
    let (tasks, begun) = (Tasks::default(), AtomicU32::new(0));
    tasks.close();
    let work = || async {
        begun.fetch_add(1, Ordering::Relaxed);
        panic!("on purpose");
    };
    tasks.again(Task::Alerts, work).await;
    assert_eq!(begun.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn whoever_waits_is_told_of_a_panic() {
    let tasks = Tasks::default();
    assert_eq!(tasks.spawn(Task::Check, async { 1 }).await.unwrap(), Ok(1));
    assert_eq!(tasks.blocking(Task::Body, || 2).await, Ok(2));
    let name = tasks.blocking(Task::Body, current).await;
    assert_eq!(name.as_deref(), Ok("body"));
    assert_eq!(tasks.blocking(Task::Body, || panic!("on purpose")).await, Err::<(), _>(Panicked(Task::Body)));
    assert_eq!(tasks.caught(Task::Check, async { panic!("on purpose") }).await, Err::<(), _>(Panicked(Task::Check)));
    let error = Error::from(Panicked(Task::Check));
    assert_eq!((error.kind, error.code), (Kind::Internal, "internal"));
    assert!(!error.detail.contains("purpose"));
}

#[test]
fn a_fault_hits_what_it_is_about_so_many_times() {
    let faults = Faults::default();
    faults.reach("message", "poison");
    faults.arm("message", "poison", 1);
    faults.reach("message", "water");
    faults.reach("check", "poison");
    assert!(std::panic::catch_unwind(AssertUnwindSafe(|| faults.reach("message", "the poison"))).is_err());
    faults.reach("message", "the poison");
}

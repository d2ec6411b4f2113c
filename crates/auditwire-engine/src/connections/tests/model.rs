//! Random sequences of the verbs against the simplest model of what they mean.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::*;
use crate::delivery::Status;

/// One request. Slots name up to four connections.
#[derive(Debug, Clone)]
enum Step {
    Create(usize),
    Edit(usize, bool),
    Activate(usize, Start),
    Stop(usize),
    Delete(Vec<usize>),
    Post(usize),
    Settle(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let slot = || 0..4_usize;
    let start = prop_oneof![
        3 => Just(Start::Default),
        1 => Just(Start::Continue),
        2 => Just(Start::TakeOver),
        1 => Just(Start::Now),
    ];
    prop_oneof![
        3 => slot().prop_map(Step::Create),
        2 => (slot(), any::<bool>()).prop_map(|(slot, fresh)| Step::Edit(slot, fresh)),
        5 => (slot(), start).prop_map(|(slot, start)| Step::Activate(slot, start)),
        2 => slot().prop_map(Step::Stop),
        1 => prop::collection::vec(slot(), 1..3).prop_map(Step::Delete),
        3 => (1..20_usize).prop_map(Step::Post),
        3 => (0..10_u64).prop_map(Step::Settle),
    ]
}

/// What is true by the product's rules.
#[derive(Debug, Default)]
struct Model {
    /// Per slot: id and revision.
    stored: BTreeMap<usize, (ConnectionId, u64)>,
    /// Settled cursor of those that were ever active.
    settled: BTreeMap<usize, u64>,
    active: Option<usize>,
    /// Where the project's SIEM has come, if there ever was one.
    project_settled: Option<u64>,
    epoch: u64,
}

impl Model {
    /// Where `slot` begins, or the code of the refusal.
    fn begin(&self, slot: usize, start: Start, head: u64) -> Result<u64, &'static str> {
        let other_active = self.active.is_some_and(|a| a != slot);
        match start {
            Start::Default if other_active => Ok(self.project_settled.unwrap_or(head)),
            Start::Default => Ok(self.settled.get(&slot).copied().unwrap_or(head)),
            Start::Continue => self.settled.get(&slot).copied().ok_or("nothing_to_continue"),
            Start::TakeOver => self.project_settled.ok_or("nothing_to_take_over"),
            Start::Now | Start::From(_) => Ok(head),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_verbs_do_what_the_model_says(steps in prop::collection::vec(step(), 1..40)) {
        crate::log::tests::run(run(steps))?;
    }
}

async fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let world = World::new().await;
    let mut model = Model::default();
    for step in steps {
        let before = world.head();
        let expected = take(&world, &mut model, &step).await?;
        let told = world.told(before).await;
        prop_assert_eq!(told, expected, "after {:?}", step);
        compare(&world, &model).await?;
    }
    Ok(())
}

type Told = Vec<(String, String)>;

/// Takes the step in both; the audit events that must have been written with it.
async fn take(world: &World, model: &mut Model, step: &Step) -> Result<Told, TestCaseError> {
    let (engine, caller, project) = (&world.engine, &world.caller, &world.project);
    let of = |action: &str, id: &ConnectionId| (format!("siem-connection-{action}"), id.to_string());
    match step {
        Step::Create(slot) => {
            let made = create(engine, caller, project, input(&body(&format!("slot {slot}"))), None).await;
            if model.stored.contains_key(slot) {
                prop_assert_eq!(code(made), "name_taken");
                return Ok(vec![]);
            }
            let id = made.unwrap().stored.id;
            model.stored.insert(*slot, (id.clone(), 1));
            Ok(vec![of("create", &id)])
        }
        Step::Edit(slot, fresh) => {
            let Some((id, revision)) = model.stored.get_mut(slot) else { return Ok(vec![]) };
            let expected = if *fresh { *revision } else { *revision + 1 };
            let body = input(&body(&format!("slot {slot}")));
            let edited = update(engine, caller, project, id.as_str(), body, Some(expected)).await;
            if !fresh {
                prop_assert_eq!(code(edited), "stale");
                return Ok(vec![]);
            }
            *revision += 1;
            prop_assert_eq!(edited.unwrap().stored.revision, *revision);
            Ok(vec![of("update", id)])
        }
        Step::Activate(slot, start) => activate_step(world, model, *slot, *start).await,
        Step::Stop(slot) => {
            let Some((id, _)) = model.stored.get(slot) else { return Ok(vec![]) };
            stop(engine, caller, project, id.as_str()).await.unwrap();
            if model.active != Some(*slot) {
                return Ok(vec![]);
            }
            model.active = None;
            model.epoch += 1;
            Ok(vec![of("stop", id)])
        }
        Step::Delete(slots) => delete_step(world, model, slots).await,
        Step::Post(count) => {
            world.post(*count).await;
            Ok(vec![])
        }
        Step::Settle(count) => {
            let Some(slot) = model.active else { return Ok(vec![]) };
            let settled = (model.settled[&slot] + count).min(world.head());
            world.settle(&model.stored[&slot].0, settled, None).await;
            model.settled.insert(slot, settled);
            model.project_settled = Some(settled);
            Ok(vec![])
        }
    }
}

async fn activate_step(world: &World, model: &mut Model, slot: usize, start: Start) -> Result<Told, TestCaseError> {
    let Some((id, _)) = model.stored.get(&slot).cloned() else { return Ok(vec![]) };
    let head = world.head();
    let answer = world.activate(&id, Some(start)).await;
    let behind = match model.begin(slot, start, head) {
        Ok(behind) => behind,
        Err(refused) => {
            prop_assert_eq!(activate_code(answer), refused);
            return Ok(vec![]);
        }
    };
    let answer = answer.unwrap();
    let stopped = model.active.filter(|a| *a != slot).map(|a| model.stored[&a].0.clone());
    prop_assert_eq!(answer.start_at.0, behind + 1);
    prop_assert_eq!(&answer.stopped, &stopped);
    let mut told: Told = Vec::new();
    told.extend(stopped.map(|other| ("siem-connection-stop".to_owned(), other.to_string())));
    told.push(("siem-connection-activate".to_owned(), id.to_string()));
    let continues = matches!(start, Start::Continue)
        || (start == Start::Default && model.active.is_none_or(|a| a == slot) && model.settled.contains_key(&slot));
    if !continues && behind > model.project_settled.unwrap_or(0) {
        told.push(("siem-gap".to_owned(), id.to_string()));
    }
    model.active = Some(slot);
    model.epoch += 1;
    model.settled.insert(slot, behind);
    model.project_settled = Some(behind);
    Ok(told)
}

async fn delete_step(world: &World, model: &mut Model, slots: &[usize]) -> Result<Told, TestCaseError> {
    let ids: Vec<_> = slots.iter().filter_map(|s| model.stored.get(s)).map(|(id, _)| id.to_string()).collect();
    let deleted = delete(&world.engine, &world.caller, &world.project, &ids, None).await.unwrap();
    prop_assert!(deleted.not_found.is_empty());
    let mut told: Told = Vec::new();
    for slot in slots {
        if model.active == Some(*slot) {
            told.push(("siem-connection-stop".to_owned(), model.stored[slot].0.to_string()));
            model.active = None;
        }
        model.stored.remove(slot);
        model.settled.remove(slot);
    }
    for id in deleted.deleted {
        told.push(("siem-connection-delete".to_owned(), id.to_string()));
    }
    Ok(told)
}

async fn compare(world: &World, model: &Model) -> Result<(), TestCaseError> {
    let views = list(&world.engine, &world.caller, &world.project).await.unwrap();
    let seen: Vec<_> = views.iter().map(|v| (v.stored.id.clone(), v.stored.revision)).collect();
    let expected: Vec<_> = model.stored.values().cloned().collect();
    prop_assert_eq!(seen, expected);
    let running: Vec<_> = views.iter().filter(|v| v.status != Status::Inactive).map(|v| v.stored.id.clone()).collect();
    let active: Vec<_> = model.active.iter().map(|slot| model.stored[slot].0.clone()).collect();
    prop_assert_eq!(running, active);
    for (slot, settled) in &model.settled {
        prop_assert_eq!(world.cursor(&model.stored[slot].0).await.settled.0, *settled);
    }
    prop_assert!(world.epoch().await >= model.epoch, "the epoch only grows");
    Ok(())
}

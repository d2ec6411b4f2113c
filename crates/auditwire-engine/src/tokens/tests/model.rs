//! Random sequences of the verbs against the simplest model of what they mean: never more rights than every maker, never one
//! whose maker is gone, never an operator without a way in.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::*;

const SCOPES: [&[Scope]; 4] = [
    &[Scope::Ingest],
    &[Scope::Ingest, Scope::Configure],
    &[Scope::Ingest, Scope::Read, Scope::Configure],
    &[Scope::Read, Scope::Configure],
];

/// One request. A number picks one of those there are; `None` asks as the operator.
#[derive(Debug, Clone)]
enum Step {
    Create { by: Option<usize>, scopes: usize, lasts: Option<u64> },
    CreateOperator { lasts: Option<u64> },
    Rotate { by: Option<usize>, which: usize, overlap: u64 },
    RotateOperator { which: usize, overlap: u64, lost: bool },
    Revoke { by: Option<usize>, which: usize, descendants: Option<Descendants> },
    RevokeOperator { which: usize },
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let lasts = || prop::option::of(1..200_u64);
    let by = || prop::option::of(0..6_usize);
    let descendants = prop::option::of(prop_oneof![Just(Descendants::Revoke), Just(Descendants::Adopt)]);
    prop_oneof![
        6 => (by(), 0..4_usize, lasts()).prop_map(|(by, scopes, lasts)| Step::Create { by, scopes, lasts }),
        1 => lasts().prop_map(|lasts| Step::CreateOperator { lasts }),
        3 => (by(), 0..6_usize, 0..100_u64).prop_map(|(by, which, overlap)| Step::Rotate { by, which, overlap }),
        2 => (0..3_usize, 0..100_u64, any::<bool>())
            .prop_map(|(which, overlap, lost)| Step::RotateOperator { which, overlap, lost }),
        3 => (by(), 0..6_usize, descendants)
            .prop_map(|(by, which, descendants)| Step::Revoke { by, which, descendants }),
        1 => (0..3_usize).prop_map(|which| Step::RevokeOperator { which }),
        2 => (1..80_u64).prop_map(Step::Pass),
    ]
}

/// What the holder of a token knows of it.
#[derive(Debug, Clone)]
struct Held {
    parent: Option<TokenId>,
    scopes: Vec<Scope>,
    ends: Option<Timestamp>,
    /// The secret that its holder has, which is the newest that arrived.
    secret: String,
    /// Replaced ones, and when each ends at the latest.
    replaced: Vec<(String, Timestamp)>,
}

struct Model {
    world: World,
    held: BTreeMap<TokenId, Held>,
    operators: BTreeMap<TokenId, Held>,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_tree_is_what_the_model_says(steps in prop::collection::vec(step(), 1..30)) {
        crate::log::tests::run(run(steps))?;
    }
}

async fn run(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut model = Model::new().await;
    for step in steps {
        model.take(&step).await?;
        model.compare(&step).await?;
    }
    Ok(())
}

fn pick<K: Clone, V>(map: &BTreeMap<K, V>, n: usize) -> Option<K> {
    map.keys().nth(n % map.len().max(1)).cloned()
}

impl Model {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
        let store = Arc::new(MemoryStore::default());
        let engine = open(&store, &clock).await;
        let mut secret = String::new();
        create_operator(&engine, |made| {
            secret = text(Some(made.clone()));
            Ok(())
        })
        .await
        .unwrap();
        let operator = authenticate(&engine, &secret, &from()).await.unwrap().unwrap();
        let id = TokenId::parse(operator.id()).unwrap();
        let held = Held { parent: None, scopes: ALL_SCOPES.to_vec(), ends: None, secret, replaced: vec![] };
        let world = World { engine, clock, store, operator };
        Self { world, held: BTreeMap::new(), operators: BTreeMap::from([(id, held)]) }
    }

    fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    fn at(&self, seconds: u64) -> Timestamp {
        self.now().saturating_add_nanos(i64::try_from(seconds).unwrap() * 1_000_000_000)
    }

    /// The caller behind a held token, or the operator; `None` when its token has ended.
    async fn caller(&self, by: Option<usize>) -> Option<Caller> {
        match by.and_then(|n| pick(&self.held, n)) {
            Some(id) => self.world.opens(&self.held[&id].secret).await,
            None => Some(self.operator().await),
        }
    }

    /// Some operator can come in with what it holds: so it is after every step.
    async fn operator(&self) -> Caller {
        for held in self.operators.values() {
            if let Some(caller) = self.world.opens(&held.secret).await {
                return caller;
            }
        }
        panic!("the operator is locked out: {:?}", self.operators)
    }

    /// It and what made it, up to the root.
    fn line(&self, id: &TokenId) -> Vec<&Held> {
        let mut line = vec![&self.held[id]];
        while let Some(parent) = &line[line.len() - 1].parent {
            line.push(&self.held[parent]);
        }
        line
    }

    fn comes_from(&self, id: &TokenId, from: &TokenId) -> bool {
        self.held[id].parent.as_ref().is_some_and(|parent| parent == from || self.comes_from(parent, from))
    }

    fn ends(&self, id: &TokenId) -> Option<Timestamp> {
        self.line(id).iter().filter_map(|held| held.ends).min()
    }

    async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let (project, system) = (ProjectId::default_project(), ProjectId::system());
        match step {
            Step::Create { by, scopes, lasts } => {
                let Some(caller) = self.caller(*by).await else { return Ok(()) };
                self.create(&caller, &project, SCOPES[*scopes], *lasts).await
            }
            Step::CreateOperator { lasts } => {
                let caller = self.operator().await;
                self.create(&caller, &system, &ALL_SCOPES, *lasts).await
            }
            Step::Rotate { by, which, overlap } => {
                let (Some(caller), Some(id)) = (self.caller(*by).await, pick(&self.held, *which)) else {
                    return Ok(());
                };
                self.rotate(&caller, &project, &id, *overlap, false).await
            }
            Step::RotateOperator { which, overlap, lost } => {
                let (caller, Some(id)) = (self.operator().await, pick(&self.operators, *which)) else { return Ok(()) };
                self.rotate(&caller, &system, &id, *overlap, *lost).await
            }
            Step::Revoke { by, which, descendants } => {
                let (Some(caller), Some(id)) = (self.caller(*by).await, pick(&self.held, *which)) else {
                    return Ok(());
                };
                self.revoke(&caller, &id, *descendants).await
            }
            Step::RevokeOperator { which } => {
                let (caller, Some(id)) = (self.operator().await, pick(&self.operators, *which)) else { return Ok(()) };
                let last = !self.operators.iter().any(|(other, held)| *other != id && held.ends.is_none());
                let revoked = revoke(&self.world.engine, &caller, &system, &id, None).await;
                if last {
                    prop_assert_eq!(refused(revoked), "last_operator_token");
                } else {
                    prop_assert!(revoked.is_ok());
                    self.operators.remove(&id);
                }
                Ok(())
            }
            Step::Pass(seconds) => {
                self.world.clock.advance(Duration::from_secs(*seconds));
                Ok(())
            }
        }
    }

    async fn create(
        &mut self,
        caller: &Caller,
        project: &ProjectId,
        scopes: &[Scope],
        lasts: Option<u64>,
    ) -> Result<(), TestCaseError> {
        let ends = lasts.map(|seconds| self.at(seconds));
        let wanted = TokenSpec { expires_at: ends, ..spec(scopes) };
        let made = create(&self.world.engine, caller, project, wanted, None).await;
        let parent = if let Caller::Token { token, .. } = caller { Some(token.clone()) } else { None };
        let code = made.as_ref().err().map(|error| error.code);
        if let Some(parent) = &parent {
            let (held, limit) = (&self.held[parent], self.ends(parent));
            let expected = if !held.scopes.contains(&Scope::Configure) {
                Some("forbidden")
            } else if self.line(parent).len() >= 8 {
                Some("token_tree_too_deep")
            } else if !scopes.iter().all(|scope| held.scopes.contains(scope)) {
                Some("forbidden")
            } else if limit.is_some_and(|limit| ends.is_none_or(|ends| ends > limit)) {
                Some("invalid_expiry")
            } else {
                None
            };
            prop_assert_eq!(code, expected);
        } else {
            prop_assert_eq!(code, None);
        }
        if let Ok((view, secret)) = made {
            let (scopes, secret) = (scopes.to_vec(), text(secret));
            let held = Held { parent, scopes, ends, secret, replaced: vec![] };
            let operator = *project == ProjectId::system();
            if operator { &mut self.operators } else { &mut self.held }.insert(view.token.id, held);
        }
        Ok(())
    }

    async fn rotate(
        &mut self,
        caller: &Caller,
        project: &ProjectId,
        id: &TokenId,
        overlap: u64,
        lost: bool,
    ) -> Result<(), TestCaseError> {
        let (now, until) = (self.now(), self.at(overlap));
        let rotated = rotate(&self.world.engine, caller, project, id, Duration::from_secs(overlap), None).await;
        if let Caller::Token { token, scopes, .. } = caller
            && (!scopes.contains(&Scope::Configure) || !(token == id || self.comes_from(id, token)))
        {
            prop_assert_eq!(code(rotated), "forbidden");
            return Ok(());
        }
        if rotated.as_ref().is_err_and(|error| error.code == "too_many_secrets") {
            return Ok(());
        }
        let (view, secret) = rotated.unwrap();
        let operator = *project == ProjectId::system();
        let limits = [
            (!operator).then(|| self.held[id].parent.as_ref().and_then(|parent| self.ends(parent))).flatten(),
            if let Caller::Token { token, .. } = caller { self.ends(token) } else { None },
        ];
        let held = if operator { &mut self.operators } else { &mut self.held }.get_mut(id).unwrap();
        let ends = view.token.expires_at;
        prop_assert_eq!(ends.is_none(), held.ends.is_none());
        prop_assert!(ends >= held.ends, "never shorter");
        if ends > held.ends {
            prop_assert!(limits.iter().flatten().all(|limit| ends <= Some(*limit)), "never beyond who asks or made it");
        }
        let had = held.ends.is_none_or(|end| now < end);
        held.ends = ends;
        if !lost {
            let old = std::mem::replace(&mut held.secret, text(secret));
            if had || !operator {
                held.replaced.push((old, until));
            }
        }
        Ok(())
    }

    async fn revoke(
        &mut self,
        caller: &Caller,
        id: &TokenId,
        descendants: Option<Descendants>,
    ) -> Result<(), TestCaseError> {
        let project = ProjectId::default_project();
        let below: Vec<_> = self.held.keys().filter(|other| self.comes_from(other, id)).cloned().collect();
        let revoked = revoke(&self.world.engine, caller, &project, id, descendants).await;
        let expected = match (caller, descendants) {
            (Caller::Token { scopes, .. }, _) if !scopes.contains(&Scope::Configure) => Some("forbidden"),
            (Caller::Token { token, .. }, _) if self.comes_from(token, id) => Some("forbidden"),
            (_, None) if !below.is_empty() => Some("token_has_descendants"),
            (Caller::Token { token, .. }, Some(Descendants::Adopt))
                if !below.is_empty() && !self.comes_from(id, token) =>
            {
                Some("forbidden")
            }
            _ => None,
        };
        prop_assert_eq!(revoked.is_err().then(|| refused(revoked)), expected);
        if expected.is_some() {
            return Ok(());
        }
        let gone = self.held.remove(id).unwrap();
        match descendants {
            Some(Descendants::Revoke) => self.held.retain(|other, _| !below.contains(other)),
            Some(Descendants::Adopt) => {
                for held in self.held.values_mut().filter(|held| held.parent.as_ref() == Some(id)) {
                    held.parent.clone_from(&gone.parent);
                }
            }
            None => {}
        }
        Ok(())
    }

    /// What is stored and what each secret opens is what the model says.
    async fn compare(&self, step: &Step) -> Result<(), TestCaseError> {
        let now = self.now();
        let operator = self.operator().await;
        let views = list(&self.world.engine, &operator, &ProjectId::default_project()).await.unwrap();
        let stored: BTreeMap<_, _> = views.iter().map(|view| (&view.token.id, &view.token.parent)).collect();
        let expected: BTreeMap<_, _> = self.held.iter().map(|(id, held)| (id, &held.parent)).collect();
        prop_assert_eq!(stored, expected, "after {:?}", step);
        for view in &views {
            prop_assert_eq!(view.ends_at, self.ends(&view.token.id), "after {:?}", step);
        }
        for (id, held) in &self.held {
            let lives = self.ends(id).is_none_or(|end| now < end);
            let caller = self.world.opens(&held.secret).await;
            prop_assert_eq!(caller.is_some(), lives, "after {:?}: {}", step, id);
            if let Some(Caller::Token { scopes, .. }) = caller {
                for maker in self.line(id) {
                    prop_assert!(scopes.iter().all(|scope| maker.scopes.contains(scope)), "after {:?}", step);
                }
            }
            for (secret, until) in &held.replaced {
                let opens = self.world.opens(secret).await.is_some();
                prop_assert!(!opens || lives && now < *until, "after {:?}: an earlier secret goes on", step);
            }
        }
        Ok(())
    }
}

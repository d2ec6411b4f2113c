use std::sync::Arc;
use std::time::Duration;

use auditwire_model::access::{Origin, Principal};
use auditwire_model::clock::ManualClock;
use auditwire_model::event::rows;
use auditwire_model::{Clock, Position, TokenId};

use super::*;
use crate::secrets::Keyring;
use crate::store::memory::{Fault, MemoryStore};
use crate::store::{RecordKind, Store};
use crate::{Kind, Settings};

const PASSWORD: &str = "correct horse battery";

struct World {
    engine: Engine,
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
}

async fn open(store: &Arc<MemoryStore>, clock: &Arc<ManualClock>) -> Engine {
    let keyring = Arc::new(Keyring::new(vec![("k1".to_owned(), Secret::new(vec![7; 32]))]));
    Engine::open(store.clone(), crate::store::memory::objects(), clock.clone(), keyring, Settings::default())
        .await
        .unwrap()
}

async fn world() -> World {
    let clock = Arc::new(ManualClock::new(Timestamp::parse("2026-11-22T10:00:00Z").unwrap()));
    let store = Arc::new(MemoryStore::default());
    World { engine: open(&store, &clock).await, clock, store }
}

impl World {
    /// A link as a start makes it.
    async fn first_link(&self) -> String {
        let mut key = String::new();
        let made = ensure_operator(&self.engine, |secret, _| {
            key = secret.expose_text().to_owned();
            Ok(())
        });
        assert!(made.await.unwrap());
        key
    }

    /// The secret of a session that began with a link.
    async fn linked(&self) -> String {
        let (key, _) = create_link(&self.engine, &Caller::Service).await.unwrap();
        let begun = sign_in_with_link(&self.engine, key.expose_text(), &from()).await.unwrap();
        begun.secret.expose_text().to_owned()
    }

    async fn signed_in(&self, secret: &str) -> SignedIn {
        session(&self.engine, secret, &from()).await.unwrap().expect("a live session")
    }

    async fn is_live(&self, secret: &str) -> bool {
        session(&self.engine, secret, &from()).await.unwrap().is_some()
    }

    async fn set(&self, session: &str, current: Option<&str>, new: &str) -> Result<()> {
        let (signed_in, current) = (self.signed_in(session).await, current.map(secret));
        set_password(&self.engine, &signed_in, current.as_ref(), &secret(new), session).await
    }

    async fn try_password(&self, name: &str, password: &str) -> Result<NewSession> {
        sign_in(&self.engine, name, &secret(password), &from()).await
    }

    /// With the operator's password set; gives the secret of the session that set it.
    async fn with_password() -> (Self, String) {
        let world = world().await;
        let session = world.linked().await;
        world.set(&session, None, PASSWORD).await.unwrap();
        (world, session)
    }

    /// What the log of `system` was told: action, outcome code, address, who, and the metadata.
    async fn told(&self) -> Vec<String> {
        let (mut told, system) = (Vec::new(), ProjectId::system());
        for at in 1..=self.engine.log.head(&system).0 {
            let event = self.engine.log.event(&system, Position(at)).await.unwrap().unwrap();
            for e in rows(&event) {
                told.push(format!("{} {}", e.action, e.status_code.unwrap_or("-")));
            }
        }
        told
    }

    async fn sessions(&self) -> usize {
        self.store.records(RecordKind::Session, None).await.unwrap().len()
    }
}

fn from() -> Origin {
    Origin::new([192, 0, 2, 7], "r-1")
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    result.expect_err("an error").code
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_first_start_makes_the_account_and_every_start_a_fresh_link_until_there_is_a_password() {
    let world = world().await;
    let first = world.first_link().await;
    assert_eq!(first.len(), 64);
    let second = world.first_link().await;
    assert!(!link_is_valid(&world.engine, &first).await.unwrap(), "a new link ends the older one");
    assert!(link_is_valid(&world.engine, &second).await.unwrap());
    assert_eq!(world.store.records(RecordKind::Account, None).await.unwrap().len(), 1);
    assert_eq!(world.told().await, ["account-create -", "console-sign-in-link -", "console-sign-in-link -"]);

    let begun = sign_in_with_link(&world.engine, &second, &from()).await.unwrap();
    assert_eq!((begun.account.name.as_str(), begun.account.operator), ("operator", true));
    world.set(begun.secret.expose_text(), None, PASSWORD).await.unwrap();
    let restarted = open(&Arc::new(world.store.crash()), &world.clock).await;
    assert!(!ensure_operator(&restarted, |_, _| panic!("there is a password")).await.unwrap());
    let again = sign_in(&restarted, " Operator ", &secret(PASSWORD), &from()).await.unwrap();
    assert_eq!(again.account.id, begun.account.id);
}

#[tokio::test]
async fn a_link_that_could_not_be_handed_over_was_never_valid() {
    let world = world().await;
    let mut lost = String::new();
    let failed = ensure_operator(&world.engine, |key, _| {
        lost = key.expose_text().to_owned();
        Err(std::io::Error::other("read-only"))
    });
    assert_eq!(code(failed.await), "sign_in_link_not_written");
    assert!(!link_is_valid(&world.engine, &lost).await.unwrap());
    world.first_link().await;
}

#[tokio::test]
async fn a_link_is_used_once_within_half_an_hour() {
    let world = world().await;
    let (key, end) = create_link(&world.engine, &Caller::Service).await.unwrap();
    assert_eq!(end.since(world.clock.now()), 30 * MINUTE);
    let key = key.expose_text();
    world.clock.advance(30 * MINUTE - Duration::from_nanos(1));
    assert!(link_is_valid(&world.engine, key).await.unwrap(), "to look is not to use");
    sign_in_with_link(&world.engine, key, &from()).await.unwrap();
    assert!(!link_is_valid(&world.engine, key).await.unwrap());
    assert_eq!(code(sign_in_with_link(&world.engine, key, &from()).await), "link_invalid");

    let (key, _) = create_link(&world.engine, &Caller::Service).await.unwrap();
    world.clock.advance(30 * MINUTE);
    assert!(!link_is_valid(&world.engine, key.expose_text()).await.unwrap());
    assert_eq!(code(sign_in_with_link(&world.engine, key.expose_text(), &from()).await), "link_invalid");
    for wrong in ["", "0", &"0".repeat(64), &key.expose_text().to_uppercase()] {
        let refused = sign_in_with_link(&world.engine, wrong, &from()).await.unwrap_err();
        assert_eq!((refused.code, refused.kind), ("link_invalid", Kind::Unauthenticated), "{wrong}");
    }
}

#[tokio::test]
async fn of_two_uses_of_a_link_at_once_one_succeeds() {
    let world = world().await;
    for _ in 0..20 {
        let (key, _) = create_link(&world.engine, &Caller::Service).await.unwrap();
        let ways = std::array::from_fn::<_, 4, _>(|n| {
            let (engine, key) = (world.engine.clone(), key.clone());
            let from = Origin::new([192, 0, 2, u8::try_from(n).unwrap()], "r-1");
            tokio::spawn(async move { sign_in_with_link(&engine, key.expose_text(), &from).await.map_err(|e| e.code) })
        });
        let mut ends = Vec::new();
        for way in ways {
            ends.push(way.await.unwrap());
        }
        assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1, "{ends:?}");
        let refused = ends.iter().filter(|end| matches!(end, Err("link_invalid" | "too_many_sign_ins"))).count();
        assert_eq!(refused, 3, "{ends:?}");
    }
}

#[tokio::test]
async fn a_link_that_was_read_before_a_newer_one_was_made_cannot_use_that_one_up() {
    let world = world().await;
    let (old, _) = create_link(&world.engine, &Caller::Service).await.unwrap();
    let read = links::find(&world.engine, old.expose_text()).await.unwrap().unwrap();
    let (new, _) = create_link(&world.engine, &Caller::Service).await.unwrap();
    let late = submit(&world.engine, Vec::new(), vec![read.use_up().unwrap()], world.clock.now()).await;
    assert!(lost_race(&late.unwrap_err()));
    assert!(link_is_valid(&world.engine, new.expose_text()).await.unwrap());
}

#[tokio::test]
async fn only_an_operator_makes_links() {
    let world = world().await;
    let token = Caller::Token {
        token: TokenId::parse("t-1").unwrap(),
        project: ProjectId::system(),
        scopes: vec![auditwire_model::access::Scope::Configure],
        sources: vec![],
        origin: Origin::new([127, 0, 0, 1], "r-1"),
    };
    assert_eq!(code(create_link(&world.engine, &token).await), "forbidden");
    assert_eq!(world.told().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_session_says_who_it_is() {
    let (world, _) = World::with_password().await;
    let begun = world.try_password("operator", PASSWORD).await.unwrap();
    let secret = begun.secret.expose_text();
    let signed_in = world.signed_in(secret).await;
    let Caller::Operator { by: Principal::Account { id, name }, .. } = &signed_in.caller else {
        panic!("another caller")
    };
    assert_eq!((id, name.as_str()), (&begun.account.id, "operator"));
    assert_eq!(signed_in.expires_at.since(world.clock.now()), 7 * 24 * HOUR);
    for wrong in ["", &"0".repeat(64), &secret.to_uppercase(), &secret[1..]] {
        assert!(!world.is_live(wrong).await, "{wrong}");
    }
}

#[tokio::test]
async fn a_session_in_use_lasts_seven_days_and_an_idle_one_twelve_hours() {
    let (world, _) = World::with_password().await;
    let used = world.try_password("operator", PASSWORD).await.unwrap();
    let used = used.secret.expose_text();
    for _ in 0..15 {
        world.clock.advance(11 * HOUR);
        assert!(world.is_live(used).await);
    }
    world.clock.advance(3 * HOUR - Duration::from_nanos(1));
    assert!(world.is_live(used).await, "7 days are not over");
    world.clock.advance(Duration::from_nanos(1));
    assert!(!world.is_live(used).await, "7 days are over, although it was just used");

    let idle = world.try_password("operator", PASSWORD).await.unwrap();
    world.clock.advance(12 * HOUR);
    assert!(!world.is_live(idle.secret.expose_text()).await);
}

#[tokio::test]
async fn ended_sessions_are_cleared_away_when_met_and_at_each_sign_in() {
    let (world, first) = World::with_password().await;
    world.try_password("operator", PASSWORD).await.unwrap();
    world.try_password("operator", PASSWORD).await.unwrap();
    assert_eq!(world.sessions().await, 3);
    world.clock.advance(12 * HOUR);
    assert!(!world.is_live(&first).await);
    assert_eq!(world.sessions().await, 2, "it was met");
    world.try_password("operator", PASSWORD).await.unwrap();
    assert_eq!(world.sessions().await, 1, "only the new one is left");
}

#[tokio::test]
async fn a_request_costs_no_read_and_use_is_stored_at_most_every_five_minutes() {
    let (world, secret) = World::with_password().await;
    let last_seen = async || {
        let record = world.store.records(RecordKind::Session, None).await.unwrap().remove(0);
        (record.version, serde_json::from_slice::<serde_json::Value>(&record.value).unwrap()["last_seen"].clone())
    };
    let begun = last_seen().await;
    world.clock.advance(4 * MINUTE);
    assert!(world.is_live(&secret).await);
    assert_eq!(last_seen().await, begun);
    world.clock.advance(MINUTE);
    assert!(world.is_live(&secret).await);
    assert_eq!(last_seen().await, (begun.0 + 1, "2026-11-22T10:05:00Z".into()));
    // A store that is gone shows that nothing is read.
    let _ = world.store.crash();
    assert!(world.is_live(&secret).await);
    world.clock.advance(Duration::from_secs(5));
    assert!(session(&world.engine, &secret, &from()).await.is_err(), "after five seconds it looks again");
}

#[tokio::test]
async fn a_store_that_cannot_take_a_use_signs_nobody_out() {
    let (world, secret) = World::with_password().await;
    world.clock.advance(6 * MINUTE);
    world.store.inject(0, Fault::Full);
    assert!(world.is_live(&secret).await);
}

#[tokio::test]
async fn sign_out_ends_a_session_at_once() {
    let (world, secret) = World::with_password().await;
    let other = world.try_password("operator", PASSWORD).await.unwrap();
    assert!(world.is_live(&secret).await, "it was just seen");
    sign_out(&world.engine, &secret, &from()).await.unwrap();
    assert!(!world.is_live(&secret).await);
    assert!(world.is_live(other.secret.expose_text()).await);
    sign_out(&world.engine, &secret, &from()).await.unwrap();
    sign_out(&world.engine, "nonsense", &from()).await.unwrap();
    let told = world.told().await;
    assert_eq!(told.iter().filter(|t| t.starts_with("console-sign-out")).count(), 1, "{told:?}");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_the_link() {
    let (world, first) = World::with_password().await;
    let second = world.try_password("operator", PASSWORD).await.unwrap();
    let second = second.secret.expose_text();
    let (link, _) = create_link(&world.engine, &Caller::Service).await.unwrap();
    assert!(world.is_live(&first).await && world.is_live(second).await);
    assert!(world.signed_in(second).await.current_password_needed);
    assert_eq!(code(world.set(second, None, "another password").await), "password_wrong");
    let wrong = world.set(second, Some("not the password"), "another password").await.unwrap_err();
    assert_eq!((wrong.code, wrong.field.as_deref()), ("password_wrong", Some("current")));
    world.set(second, Some(PASSWORD), "another password").await.unwrap();
    assert!(world.is_live(second).await);
    assert!(!world.is_live(&first).await, "it ended, although just seen");
    assert!(!link_is_valid(&world.engine, link.expose_text()).await.unwrap());
    assert_eq!(world.sessions().await, 1);
    assert_eq!(code(world.try_password("operator", PASSWORD).await), "sign_in_refused");
    world.try_password("operator", "another password").await.unwrap();
}

#[tokio::test]
async fn a_link_lets_one_new_password_be_set_within_half_an_hour() {
    let (world, _) = World::with_password().await;
    let linked = world.linked().await;
    assert!(!world.signed_in(&linked).await.current_password_needed);
    world.set(&linked, None, "a second password").await.unwrap();
    assert!(world.signed_in(&linked).await.current_password_needed);
    assert_eq!(code(world.set(&linked, None, "a third password").await), "password_wrong");

    let late = world.linked().await;
    world.clock.advance(30 * MINUTE);
    assert_eq!(code(world.set(&late, None, "a third password").await), "password_wrong");
    world.set(&late, Some("a second password"), "a third password").await.unwrap();
}

#[tokio::test]
async fn a_password_is_set_only_in_a_live_session_of_the_account() {
    let (world, first) = World::with_password().await;
    let signed_in = world.signed_in(&first).await;
    sign_out(&world.engine, &first, &from()).await.unwrap();
    let new = secret("another password");
    for keep in [first.as_str(), "nonsense"] {
        let refused = set_password(&world.engine, &signed_in, Some(&secret(PASSWORD)), &new, keep).await;
        assert_eq!(code(refused), "session_ended");
    }
}

#[tokio::test]
async fn a_session_that_began_with_the_old_password_while_it_was_changed_is_dead() {
    let (world, session) = World::with_password().await;
    let account = world.signed_in(&session).await.account;
    world.set(&session, Some(PASSWORD), "another password").await.unwrap();
    // What a sign-in commits that proved the old password just before.
    let method = crate::records::SignInMethod::Password;
    let (late, _, changes) = sessions::begin(&world.engine, &account, method).await.unwrap();
    submit(&world.engine, Vec::new(), changes, world.clock.now()).await.unwrap();
    assert!(!world.is_live(late.expose_text()).await);
}

#[tokio::test]
async fn of_two_changes_of_a_password_at_once_one_succeeds() {
    let (world, session) = World::with_password().await;
    let signed_in = world.signed_in(&session).await;
    let (current, one, two) = (secret(PASSWORD), secret("the first password"), secret("the second password"));
    let change = |new| set_password(&world.engine, &signed_in, Some(&current), new, &session);
    let (a, b) = tokio::join!(change(&one), change(&two));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    let fits = if a.is_ok() { "the first password" } else { "the second password" };
    world.try_password("operator", fits).await.unwrap();
}

#[tokio::test]
async fn a_refusal_has_the_same_words_and_work_whatever_is_wrong() {
    let (world, _) = World::with_password().await;
    let long = "x".repeat(100_000);
    let mut words = Vec::new();
    for (name, password) in [("operator", "wrong password"), ("nobody", PASSWORD), (&long, "p"), ("", "")] {
        let refused = world.try_password(name, password).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Unauthenticated);
        words.push((refused.code, refused.detail, refused.field));
    }
    words.dedup();
    assert_eq!(words.len(), 1, "{words:?}");
}

#[tokio::test]
async fn an_account_without_a_password_is_opened_by_none() {
    let world = world().await;
    world.first_link().await;
    for password in ["", PASSWORD] {
        assert_eq!(code(world.try_password("operator", password).await), "sign_in_refused");
    }
}

#[tokio::test]
async fn failures_are_limited_and_told_but_a_link_is_never_held_up() {
    let (world, _) = World::with_password().await;
    let (link, _) = create_link(&world.engine, &Caller::Service).await.unwrap();
    let before = world.told().await.len();
    assert_eq!(code(world.try_password("operator", "wrong password").await), "sign_in_refused");
    for _ in 0..9 {
        assert_eq!(code(sign_in_with_link(&world.engine, "wrong", &from()).await), "link_invalid");
    }
    let held = world.try_password("operator", PASSWORD).await.unwrap_err();
    assert_eq!((held.code, held.kind, held.retry_after), ("too_many_sign_ins", Kind::Busy, Some(MINUTE)));
    assert_eq!(code(sign_in_with_link(&world.engine, "wrong", &from()).await), "too_many_sign_ins");
    let mapped = Origin::new("::ffff:192.0.2.7".parse::<std::net::IpAddr>().unwrap(), "r-2");
    assert_eq!(code(sign_in_with_link(&world.engine, "wrong", &mapped).await), "too_many_sign_ins");
    let told = world.told().await.split_off(before);
    // The first of each kind; the other eight and two are told together, a minute later.
    let kind = |code: &str| format!("console-sign-in-refused {code}");
    assert_eq!(told, ["sign_in_refused", "link_invalid", "too_many_sign_ins"].map(kind));
    sign_in_with_link(&world.engine, link.expose_text(), &from()).await.unwrap();
    let elsewhere = Origin::new([198, 51, 100, 1], "r-2");
    sign_in(&world.engine, "operator", &secret(PASSWORD), &elsewhere).await.unwrap();
    let before = world.told().await.len();
    world.clock.advance(MINUTE);
    crate::repeats::round(&world.engine).await;
    assert_eq!(world.told().await.split_off(before), ["link_invalid", "too_many_sign_ins"].map(kind));
    world.try_password("operator", PASSWORD).await.unwrap();
}

/// However many addresses there are, the log is told of one kind once a minute, with how many there were.
#[tokio::test]
async fn a_flood_of_failures_from_many_addresses_is_a_few_events() {
    let (world, _) = World::with_password().await;
    let before = world.told().await.len();
    for n in 0..500_u32 {
        let from = Origin::new(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n), "r-3");
        assert_eq!(code(sign_in_with_link(&world.engine, "wrong", &from).await), "link_invalid");
    }
    assert_eq!(world.told().await.split_off(before), ["console-sign-in-refused link_invalid"]);
    world.clock.advance(MINUTE);
    crate::repeats::round(&world.engine).await;
    let last = Position(world.engine.log.head(&ProjectId::system()).0);
    let event = world.engine.log.event(&ProjectId::system(), last).await.unwrap().unwrap();
    let event = auditwire_model::event::view(&event, 0);
    let pairs: std::collections::BTreeMap<_, _> = event.resource_metadata.iter().collect();
    assert_eq!((event.action, pairs["count"], pairs["addresses"]), ("console-sign-in-refused", "499", "499"));
    assert_eq!(world.told().await.len(), before + 2);
}

#[tokio::test]
async fn guesses_of_the_present_password_are_limited_and_told() {
    let (world, session) = World::with_password().await;
    let before = world.told().await.len();
    for _ in 0..10 {
        assert_eq!(code(world.set(&session, Some("a wrong guess"), "another password").await), "password_wrong");
    }
    assert_eq!(code(world.set(&session, Some(PASSWORD), "another password").await), "too_many_sign_ins");
    assert_eq!(world.told().await.split_off(before), ["console-password password_wrong"]);
}

#[tokio::test]
async fn the_log_is_told_who_did_what_and_never_a_secret() {
    let world = world().await;
    let link = world.first_link().await;
    let from = Origin::new("2001:db8::9".parse::<std::net::IpAddr>().unwrap(), "r-9");
    let begun = sign_in_with_link(&world.engine, &link, &from).await.unwrap();
    let session = begun.secret.expose_text().to_owned();
    world.set(&session, None, PASSWORD).await.unwrap();
    let _ = world.try_password(&format!("{}!", "n".repeat(200)), "a canary guess").await.unwrap_err();
    sign_out(&world.engine, &session, &from).await.unwrap();

    let system = ProjectId::system();
    let mut told = Vec::new();
    for at in 1..=world.engine.log.head(&system).0 {
        let event = world.engine.log.event(&system, Position(at)).await.unwrap().unwrap();
        let mut text = Vec::new();
        rows(&event).for_each(|e| auditwire_model::event::write_canonical(&e, &mut text));
        told.push(serde_json::from_slice::<serde_json::Value>(&text).unwrap());
    }
    let actions: Vec<_> = told.iter().map(|e| e["action"].as_str().unwrap()).collect();
    let expected = [
        "account-create",
        "console-sign-in-link",
        "console-sign-in",
        "console-password",
        "console-sign-in-refused",
        "console-sign-out",
    ];
    assert_eq!(actions, expected);
    let signed_in = &told[2];
    assert_eq!(signed_in["subject"]["user_id"], begun.account.id.as_str());
    assert_eq!(signed_in["subject"]["metadata"], serde_json::json!({"kind": "operator", "name": "operator"}));
    assert_eq!(signed_in["subject"]["address"], "2001:db8::9");
    assert_eq!(signed_in["request_id"], "r-9");
    assert_eq!(signed_in["resource"]["metadata"]["method"], "link");
    let refused = &told[4];
    assert_eq!((&refused["severity"], &refused["outcome"]), (&"WARNING".into(), &"failure".into()));
    assert_eq!(refused["resource"]["metadata"]["name"], "n".repeat(128));
    assert_eq!(refused["subject"]["metadata"]["kind"], "stranger");

    let mut seen = serde_json::to_string(&told).unwrap();
    let signed_in = world.linked().await;
    seen.push_str(&format!("{:?} {begun:?} {:?}", world.engine, world.signed_in(&signed_in).await));
    for kind in [RecordKind::Account, RecordKind::Session, RecordKind::SignInLink, RecordKind::AccountName] {
        for record in world.store.records(kind, None).await.unwrap() {
            seen.push_str(&String::from_utf8(record.value).unwrap().replace("$argon2id$", "a hash: "));
        }
    }
    for canary in [link.as_str(), &session, PASSWORD, "a canary guess", &signed_in, "$argon2"] {
        assert!(!seen.contains(canary), "{canary} in {seen}");
    }
}

#[tokio::test]
async fn preferences_are_stored_for_the_account_and_seen_at_once() {
    let (world, session) = World::with_password().await;
    let signed_in = world.signed_in(&session).await;
    assert_eq!(signed_in.account.preferences, Preferences::default());
    let wanted =
        Preferences { language: Some("ru".to_owned()), zone: Some("Etc/GMT+3".to_owned()), theme: Theme::Dark };
    let account = set_preferences(&world.engine, &signed_in, wanted.clone()).await.unwrap();
    assert_eq!(account.preferences, wanted);
    assert_eq!(world.signed_in(&session).await.account.preferences, wanted);
    let fails = async |language: Option<&str>, zone: Option<&str>| {
        let wrong =
            Preferences { language: language.map(str::to_owned), zone: zone.map(str::to_owned), theme: Theme::System };
        let error = set_preferences(&world.engine, &signed_in, wrong).await.unwrap_err();
        (error.code, error.field.unwrap_or_default())
    };
    assert_eq!(fails(Some("de"), None).await, ("invalid_language", "language".to_owned()));
    for zone in ["", "a b", "../etc/passwd", &"x".repeat(65)] {
        assert_eq!(fails(None, Some(zone)).await, ("invalid_zone", "zone".to_owned()), "{zone}");
    }
}

#[tokio::test]
async fn an_account_has_a_hundred_sessions_and_the_next_ends_the_one_unused_for_longest() {
    let world = world().await;
    let first = world.linked().await;
    world.clock.advance(MINUTE);
    let second = world.linked().await;
    for _ in 0..98 {
        world.linked().await;
    }
    assert!(world.is_live(&first).await);
    world.linked().await;
    assert_eq!(world.sessions().await, 100);
    world.clock.advance(Duration::from_secs(5));
    assert!(!world.is_live(&first).await && world.is_live(&second).await);
}

#[tokio::test]
async fn a_clock_that_is_set_signs_nobody_out_and_lets_nobody_in_for_years() {
    let world = world().await;
    let before = world.linked().await;
    let after = |days: i64| {
        Timestamp::parse("2026-11-22T10:00:00Z").unwrap().saturating_add_nanos(days * 86_400 * 1_000_000_000)
    };
    world.clock.set(after(800));
    assert!(world.is_live(&before).await, "a jump ahead signs nobody out");
    let meanwhile = world.linked().await;
    assert_eq!((world.is_live(&before).await, world.is_live(&meanwhile).await), (true, true));
    world.clock.set(after(0));
    assert!(world.is_live(&before).await);
    world.clock.advance(Duration::from_secs(13 * 3600));
    let live = [world.is_live(&before).await, world.is_live(&meanwhile).await];
    assert_eq!(live, [false, false], "what began under the wrong clock is idle after twelve hours, too");
}

#[tokio::test]
async fn a_clock_that_is_set_holds_no_address_back_and_frees_none() {
    let (world, _) = World::with_password().await;
    let limited =
        async || world.try_password("operator", "wrong password").await.unwrap_err().code == "too_many_sign_ins";
    for _ in 0..10 {
        assert!(!limited().await);
    }
    world.clock.set(Timestamp::parse("2029-11-22T10:00:00Z").unwrap());
    assert!(limited().await, "a minute has not passed");
    world.clock.set(Timestamp::parse("2025-11-22T10:00:00Z").unwrap());
    world.clock.advance(Duration::from_secs(61));
    assert!(!limited().await, "a minute has passed");
}

//! Passwords: what a new one must be, and Argon2id, two at a time.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::accounts::folded;
use super::limits;
use crate::error::{Error, Kind, Result};
use crate::records::PasswordHash;
use crate::secrets::Secret;
use crate::tasks::{Task, Tasks};

const CHARACTERS_MIN: usize = 12;
const CHARACTERS_MAX: usize = 256;

/// OWASP's choice for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// So many hashes at once; each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
const WAITING_MAX: usize = 16;
const WAIT_MAX: Duration = Duration::from_secs(5);

/// What a new password must be.
///
/// # Errors
/// `password_too_short`, `password_too_long`, `password_is_name`, `password_too_common`.
pub(super) fn check_new(name: &str, password: &Secret) -> Result<()> {
    let text = password.expose_text();
    let characters = text.chars().count();
    let wrong = |code, detail: String| Err(Error::invalid(code, "new", detail));
    if folded(text) == folded(name) {
        return wrong("password_is_name", "the password must not be the sign-in name".to_owned());
    }
    if characters < CHARACTERS_MIN {
        return wrong("password_too_short", format!("a password has at least {CHARACTERS_MIN} characters"));
    }
    if characters > CHARACTERS_MAX {
        return wrong("password_too_long", format!("a password has at most {CHARACTERS_MAX} characters"));
    }
    if is_common(text, name) {
        let detail = "this password, or a small change of it, is among the first that are tried; choose another one, for \
                      example several words that have nothing to do with each other";
        return wrong("password_too_common", detail.to_owned());
    }
    Ok(())
}

/// Whether somebody who tries the commonest passwords first comes to this one soon: within a million attempts. Lists of the
/// commonest passwords and words decide, case and usual substitutions (`p@ssw0rd`) aside, with what is usually appended, and so do
/// sequences, repetitions and rows of keys (zxcvbn; Wheeler, USENIX Security 2016). No network is asked.
fn is_common(password: &str, name: &str) -> bool {
    zxcvbn::zxcvbn(password, &[name, "auditwire"]).guesses() < 1_000_000
}

/// The place where passwords are hashed.
#[derive(Debug)]
pub(crate) struct Hashing {
    /// Those that run and those that wait.
    places: Arc<Semaphore>,
    running: Arc<Semaphore>,
    tasks: Tasks,
}

impl Default for Hashing {
    fn default() -> Self {
        Self::new(Tasks::default())
    }
}

impl Hashing {
    pub(super) fn new(tasks: Tasks) -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self { places: places(AT_ONCE + WAITING_MAX), running: places(AT_ONCE), tasks }
    }

    /// Whether the password is the one of this hash. Without a hash the answer is no, after the same work.
    pub(super) async fn verify(&self, hash: Option<PasswordHash>, password: Secret) -> Result<bool> {
        self.run(move || match hash {
            Some(hash) => verify(&hash, &password),
            None => hash_with(&password, &[0; 16]).map(|_| false),
        })
        .await?
    }

    /// A new hash of the password.
    pub(super) async fn hash(&self, password: Secret) -> Result<PasswordHash> {
        let salt = Secret::random(16)?;
        self.run(move || hash_with(&password, salt.expose())).await?
    }

    /// Runs the work when its turn comes. A caller that goes away does not give its turn to another before the work ends.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let busy = || limits::too_many(WAIT_MAX);
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| busy())?;
        let turn = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.running).acquire_owned());
        let turn = turn.await.map_err(|_| busy())?.map_err(|_| busy())?;
        let done = self.tasks.blocking(Task::Password, move || {
            let _turn = (turn, place);
            work()
        });
        Ok(done.await?)
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|e| failed(&e))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash_with(password: &Secret, salt: &[u8]) -> Result<PasswordHash> {
    let hash = argon2()?.hash_password_with_salt(password.expose(), salt).map_err(|e| failed(&e))?;
    Ok(PasswordHash(hash.to_string()))
}

/// The hash's own parameters count, so that older ones stay valid.
fn verify(hash: &PasswordHash, password: &Secret) -> Result<bool> {
    let hash = phc::PasswordHash::new(&hash.0).map_err(|e| failed(&e))?;
    match argon2()?.verify_password(password.expose(), &hash) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(e) => Err(failed(&e)),
    }
}

fn failed(cause: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::Internal, "internal", "a password could not be hashed").caused_by(cause.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn a_hash_knows_its_password_and_prints_as_nothing() {
        let hashing = Hashing::default();
        let hash = hashing.hash(secret("correct horse battery")).await.unwrap();
        assert!(hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert_eq!(format!("{hash:?}"), "PasswordHash");
        assert!(hashing.verify(Some(hash.clone()), secret("correct horse battery")).await.unwrap());
        assert!(!hashing.verify(Some(hash.clone()), secret("correct horse batterz")).await.unwrap());
        assert!(!hashing.verify(None, secret("correct horse battery")).await.unwrap());
        assert_ne!(hashing.hash(secret("correct horse battery")).await.unwrap(), hash);
        let damaged = PasswordHash("$argon2id$damaged".to_owned());
        assert_eq!(hashing.verify(Some(damaged), secret("x")).await.unwrap_err().code, "internal");
    }

    #[test]
    fn new_passwords_have_a_length_and_are_not_the_name() {
        let code = |text: &str| check_new("operator", &secret(text)).err().map(|e| (e.code, e.field));
        let refused = |code| Some((code, Some("new".to_owned())));
        assert_eq!(code("elevenchars"), refused("password_too_short"));
        assert_eq!(code(" Operator"), refused("password_is_name"));
        assert_eq!(code(&"я".repeat(257)), refused("password_too_long"));
        for common in [
            "passwordpassword",
            "Password1234",
            "p@ssw0rd1234",
            "123456789012",
            "1q2w3e4r5t6y",
            "qwertyuiop123",
            "QWERTYUIOPAS",
            "aaaaaaaaaaaaa",
            "operator2026",
            "Auditwire123",
            "administrator",
            "drowssapdrowssap",
        ] {
            assert_eq!(code(common), refused("password_too_common"), "{common}");
        }
        for fine in ["twelve chars", "correct horse battery", "Жёлтый трактор едет"] {
            assert_eq!(code(fine), None, "{fine}");
        }
    }

    #[tokio::test]
    async fn two_run_sixteen_wait_and_the_next_is_turned_away() {
        let hashing = Arc::new(Hashing::default());
        let running = Arc::new(AtomicUsize::new(0));
        let (started, begun) = mpsc::channel();
        let (sink, gates) = tokio::sync::mpsc::unbounded_channel();
        let tasks: Vec<_> = (0..AT_ONCE + WAITING_MAX)
            .map(|_| {
                let (hashing, running, started) = (Arc::clone(&hashing), Arc::clone(&running), started.clone());
                let (gate, wait) = mpsc::channel::<()>();
                sink.send(gate).unwrap();
                tokio::spawn(async move {
                    let work = move || {
                        let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                        started.send(()).unwrap();
                        wait.recv_timeout(Duration::from_secs(60)).ok();
                        running.fetch_sub(1, Ordering::SeqCst);
                        now
                    };
                    hashing.run(work).await.unwrap()
                })
            })
            .collect();
        while hashing.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..AT_ONCE {
            begun.recv_timeout(Duration::from_secs(60)).unwrap();
        }
        let refused = hashing.run(|| ()).await.unwrap_err();
        assert_eq!(
            (refused.code, refused.kind, refused.retry_after),
            ("too_many_sign_ins", Kind::Busy, Some(WAIT_MAX))
        );
        drop((sink, gates));
        for task in tasks {
            assert!(task.await.unwrap() <= AT_ONCE);
        }
        assert!(hashing.run(|| ()).await.is_ok());
    }
}

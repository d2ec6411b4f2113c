//! The documents of people: accounts, their sessions, and the links that let somebody in without a password.

use auditwire_model::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Document;

document!(
    /// [`crate::store::RecordKind::Account`]; global, id = account id.
    AccountRecord,
    Account
);
/// A person who may sign in. Never write one into an answer: it holds the hash of the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id; `subject.user_id` of what the person does.
    pub id: AccountId,
    /// The sign-in name, unique whatever its case.
    pub name: String,
    /// Stands above projects.
    pub operator: bool,
    /// `None`: nobody has set one; only a link opens the account.
    pub password: Option<PasswordHash>,
    /// One more with each change of the password. Sessions of another generation have ended.
    pub generation: u64,
    /// How the console shows itself.
    pub preferences: Preferences,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A password's Argon2id hash in PHC text; prints as nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// How the console shows itself to a person. What is `None` the browser decides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// `en` or `ru`.
    pub language: Option<String>,
    /// IANA name of the time zone.
    pub zone: Option<String>,
    /// Light or dark.
    pub theme: Theme,
}

/// The colours of the console.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

document!(
    /// [`crate::store::RecordKind::AccountName`]; global, id = the sign-in name in small letters. Makes names unique.
    AccountNameRecord,
    AccountName
);
/// Which account has a sign-in name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountName {
    /// That account.
    pub account: AccountId,
}

document!(
    /// [`crate::store::RecordKind::Session`]; global, id = the beginning of `sha256`.
    SessionRecord,
    Session
);
/// A signed-in browser, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose.
    pub account: AccountId,
    /// The account's generation when the session began, or when the person changed the password in it.
    pub generation: u64,
    /// Lower-case hex SHA-256 of the secret.
    pub sha256: String,
    /// How it began.
    pub method: SignInMethod,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was used last, to within five minutes.
    pub last_seen: Timestamp,
    /// When it ends, however much it is used.
    pub expires_at: Timestamp,
    /// Until then one new password may be set without the present one: the session began with a link.
    pub new_password_until: Option<Timestamp>,
}

/// What a person signed in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignInMethod {
    /// Name and password.
    Password,
    /// A one-time link.
    Link,
}

document!(
    /// [`crate::store::RecordKind::SignInLink`]; global, id = account id. One per account, so a new link replaces the
    /// older one. It is never deleted, so that its version only grows: whoever read an older link cannot use it up.
    SignInLinkRecord,
    SignInLink
);
/// A link that signs its holder in once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInLink {
    /// Into which account.
    pub account: AccountId,
    /// Lower-case hex SHA-256 of its key; `None` once it was used or a password was set.
    pub sha256: Option<String>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

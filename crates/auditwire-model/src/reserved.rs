//! Names that only the service itself may put on events: its source, and its actions of delivery and administration. Who
//! watches a log for `siem-connection-delete` or `token-create` must not be misled by a source that writes the same, or what
//! looks the same.
//!
//! Names are compared as people see them: without blanks around them and characters that do not show, after compatibility
//! normalisation (NFKC), in lower case, and by the skeleton of UTS 39 section 4, in which look-alikes are one
//! (Cyrillic `а` and Latin `a`, `rn` and `m`).

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::confusable_detection::skeleton;

/// The `source.id` of the service's own events.
pub const SOURCE: &str = "auditwire";

/// Actions that begin like this are the service's own, those of later versions, too.
const FAMILIES: [&str; 5] = ["siem-", "alert-webhook-", "console-", "retention-", "event-log-"];

/// Further actions of the service's own. Storage services and identity services have actions of their own that begin with
/// `storage-` and `token-`, so these are not families.
const ACTIONS: [&str; 18] = [
    "token-create",
    "token-revoke",
    "token-rotate",
    "token-adopt",
    "token-refused",
    "token-expiring",
    "store-unaccounted",
    "store-adopt",
    "store-discard",
    "storage-warning",
    "storage-full",
    "storage-ok",
    "id-conflict",
    "keys-rotate",
    "keys-rewrap",
    "reading-update",
    "access-refused",
    "clock-accept",
];

/// Characters that are looked at: more than the longest name has, also where a look-alike is written with two.
const LOOKED_AT: usize = 64;

/// Is this [`SOURCE`], or what looks like it?
#[must_use]
pub fn is_our_source(source: &str) -> bool {
    looks_like(source, &[], &[SOURCE])
}

/// Is this an action that only the service's own events may have, or what looks like one? Words that other services use for
/// their own doings are not among them (`export`, `project-create`, `account-create`): there the source tells who speaks.
#[must_use]
pub fn is_our_action(action: &str) -> bool {
    looks_like(action, &FAMILIES, &ACTIONS)
}

fn looks_like(text: &str, families: &[&str], names: &[&str]) -> bool {
    // Each event passes here twice, and nearly all names are plain: these are compared without making anything.
    if text.is_ascii() {
        return plain_looks_like(text.trim().as_bytes(), families, names);
    }
    let shown: String = text.nfkc().filter(|c| !is_ignorable(*c)).take(LOOKED_AT).collect();
    let shown = shown.trim();
    // A capital can look like another letter's small form (`I` and `l`), and a letter like a capital: both orders count.
    let lowered: String = skeleton(&shown.to_lowercase()).collect();
    let raised = skeleton(shown).collect::<String>().to_lowercase();
    [lowered, raised].iter().any(|text| plain_looks_like(text.trim().as_bytes(), families, names))
}

fn plain_looks_like(text: &[u8], families: &[&str], names: &[&str]) -> bool {
    let begins = |family: &&str| rest_after(text, family.as_bytes()).is_some();
    let is = |name: &&str| rest_after(text, name.as_bytes()).is_some_and(<[u8]>::is_empty);
    families.iter().any(begins) || names.iter().any(is)
}

/// What follows in `text` after something that looks like `name`. The look-alikes within ASCII are those of UTS 39
/// (`confusables.txt`): `0` and `o`, `1`, `|`, `I` and `l`, `rn` and `m`.
fn rest_after<'t>(mut text: &'t [u8], mut name: &[u8]) -> Option<&'t [u8]> {
    while let [wanted, after @ ..] = name {
        let [seen, rest @ ..] = text else { return None };
        let alike =
            seen.eq_ignore_ascii_case(wanted) || matches!((seen, wanted), (b'0', b'o') | (b'1' | b'|' | b'I', b'l'));
        (text, name) = match (alike, rest, after) {
            (true, ..) => (rest, after),
            (false, [second, rest @ ..], _) if *wanted == b'm' && is(*seen, b'r') && is(*second, b'n') => (rest, after),
            (false, _, [second, after @ ..]) if is(*seen, b'm') && *wanted == b'r' && *second == b'n' => (rest, after),
            _ => return None,
        };
    }
    Some(text)
}

fn is(seen: u8, small: u8) -> bool {
    seen.eq_ignore_ascii_case(&small)
}

/// Shows as nothing: `Default_Ignorable_Code_Point` of the Unicode character database (UAX 44).
fn is_ignorable(c: char) -> bool {
    matches!(u32::from(c),
        0xad | 0x34f | 0x61c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f | 0x202a..=0x202e
        | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfff8 | 0x1bca0..=0x1bca3
        | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_looks_like_our_source_is_ours() {
        for ours in [
            "auditwire",
            "Auditwire",
            "AUDITWIRE",
            " auditwire\t",
            "\u{a0}auditwire\u{2003}",
            "\u{430}uditwire",                                                          // Cyrillic a
            "\u{391}UDITWIRE",                                                          // Greek capital alpha
            "aud\u{456}tw\u{456}re",                                                    // Ukrainian i
            "aud\u{131}twire",                                                          // dotless i
            "\u{ff41}\u{ff55}\u{ff44}\u{ff49}\u{ff54}\u{ff57}\u{ff49}\u{ff52}\u{ff45}", // full width
            "audit\u{200b}wire",
            "auditwire\u{feff}",
            "au\u{ad}dit\u{2060}wire",
            "\u{1d41a}uditwire", // mathematical bold
        ] {
            assert!(is_our_source(ours), "{ours:?}");
        }
        for other in
            ["", "nova", "audit", "auditwire-2", "auditwires", "my-auditwire", "auditd", "\u{430}udit", "аудит"]
        {
            assert!(!is_our_source(other), "{other:?}");
        }
    }

    #[test]
    fn our_actions_are_ours_and_those_of_clouds_are_not() {
        for ours in [
            "siem-alert",
            "SIEM-Connection-Delete",
            "siern-gap", // rn for m
            "s\u{456}em-heartbeat",
            "siem-something-of-a-later-version",
            "console-sign-in",
            "c0nsole-sign-in",
            "alert-webhook-set",
            "aIert-webhook-set", // capital i for l
            "a1ert-webhook-set",
            "retention-update",
            "token-create ",
            "t\u{43e}ken-revoke",
            "storage-full",
            "storage-fu\u{217c}l", // roman numeral fifty
            "id-conflict",
        ] {
            assert!(is_our_action(ours), "{ours:?}");
        }
        for other in [
            // CADF, OpenStack, Kubernetes, CloudTrail, Linux audit, and clouds like ours
            "create",
            "read",
            "update",
            "delete",
            "authenticate",
            "evaluate",
            "identity.project.created",
            "compute.instance.create.end",
            "volume.create",
            "ConsoleLogin",
            "CreateToken",
            "AssumeRole",
            "GetObject",
            "PutRetention",
            "token-issue",
            "token-validate",
            "storage-create",
            "storage-pool-attach",
            "console",
            "siem",
            "user-signin",
            "create-vm",
            "export",
            "export-end",
            "project-create",
            "account-create",
            "USER_LOGIN",
            "алерт",
            "вход",
            "token",
            "retention",
            "create-token",
            "get-console-output",
            "simulate",
        ] {
            assert!(!is_our_action(other), "{other:?}");
        }
    }

    /// The way without allocations and the general one are of one mind.
    #[test]
    fn plain_text_is_judged_as_any_other() {
        let general = |text: &str| {
            let lowered: String = skeleton(&text.trim().to_lowercase()).collect();
            let raised = skeleton(text.trim()).collect::<String>().to_lowercase();
            [lowered, raised].iter().any(|text| plain_looks_like(text.as_bytes(), &FAMILIES, &ACTIONS))
        };
        let config = ProptestConfig { cases: 2000, ..ProptestConfig::default() };
        let names = FAMILIES.iter().chain(&ACTIONS).copied().collect::<Vec<_>>();
        let pieces = (prop::sample::select(names), "[ -~]{0,3}", any::<prop::sample::Index>(), "[ -~]{0,2}");
        proptest!(config, |((name, tail, at, inserted) in pieces)| {
            let at = at.index(name.len() + 1);
            let text = format!("{}{inserted}{}{tail}", &name[..at], name.get(at + inserted.len()..).unwrap_or_default());
            // A mixed case in which only one of `I` and others is a look-alike is more than either order sees.
            if !text.contains('I') {
                prop_assert_eq!(is_our_action(&text), general(&text), "{:?}", text);
            }
        });
    }
}

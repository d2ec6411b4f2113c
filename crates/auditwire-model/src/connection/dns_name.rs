//! DNS names: what one is, and names in other scripts than Latin, which DNS carries as A-labels (`xn--…`, RFC 5890) and people read as
//! they are written (UTS 46).

use std::borrow::Cow;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// The constant form of a DNS name (RFC 1123 section 2.1, underscores allowed): in lower case, other scripts as A-labels. `None` for what
/// is none, and for what resolvers read as an address (`127.1`, `0x7f000001`), in whatever digits it is written.
pub(super) fn normal(name: &str) -> Option<String> {
    let ascii = if name.is_ascii() { Cow::Owned(name.to_ascii_lowercase()) } else { a_labels(name)? };
    is_dns_name(&ascii).then(|| ascii.into_owned())
}

/// How people write a name that has A-labels; `None` when that is the same.
pub(super) fn readable(name: &str) -> Option<String> {
    let (text, result) = Uts46::new().to_unicode(name.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow);
    (result.is_ok() && text != name).then(|| text.into_owned())
}

/// The rules of letters and digits are ours and come after: mapping may make ASCII of other characters.
fn a_labels(name: &str) -> Option<Cow<'_, str>> {
    let length = DnsLength::VerifyAllowRootDot;
    Uts46::new().to_ascii(name.as_bytes(), AsciiDenyList::EMPTY, Hyphens::CheckFirstLast, length).ok()
}

fn is_dns_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && l.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|c| c.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|h| h.bytes().all(|c| c.is_ascii_hexdigit()));
    name.len() <= 253 && name.split('.').all(label) && !numeric
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_scripts_become_a_labels_and_are_read_back() {
        for (given, ascii, read) in [
            ("сервер.рф", "xn--b1afb6bcb.xn--p1ai", Some("сервер.рф")),
            ("СЕРВЕР.рф.", "xn--b1afb6bcb.xn--p1ai.", Some("сервер.рф.")),
            ("siem_1.пример", "siem_1.xn--e1afmkfd", Some("siem_1.пример")),
            ("straße.example", "xn--strae-oqa.example", Some("straße.example")),
            ("siem.example", "siem.example", None),
            ("ＳＩＥＭ.example", "siem.example", None),
            ("例え。jp", "xn--r8jz45g.jp", Some("例え.jp")),
        ] {
            assert_eq!(normal(given).as_deref(), Some(ascii), "{given}");
            assert_eq!(readable(ascii).as_deref(), read, "{given}");
            assert_eq!(normal(ascii).as_deref(), Some(ascii), "it is its own constant form");
        }
    }

    #[test]
    fn what_is_no_name_stays_none_in_every_script() {
        let long = "я".repeat(64);
        for given in [
            "127。0。0。1",
            "１２７.0.0.1",
            "①27.1",
            "0ｘ7f",
            "a b",
            "я я",
            "-я",
            "я／x",
            "а\u{202e}б",
            "xn--.рф",
            "я..рф",
            "",
            &long,
        ] {
            assert_eq!(normal(given), None, "{given:?}");
        }
        // A label that says it is one and is not stays as DNS has it, and reads as nothing else.
        assert_eq!(readable("xn--a.example"), None);
    }

    proptest::proptest! {
        #[test]
        fn foreign_text_does_not_panic_and_the_constant_form_is_ascii(text in "\\PC{0,40}") {
            if let Some(name) = normal(&text) {
                proptest::prop_assert!(name.is_ascii() && normal(&name).as_ref() == Some(&name), "{name}");
            }
            let _ = readable(&text);
        }
    }
}

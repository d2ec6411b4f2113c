//! What check codes and causes mean in the reader's language, and what to do about them. The engine speaks English; in another
//! language its words stay where there are no others.

use std::borrow::Cow;
use std::time::Duration;

use auditwire_engine::connections::ConnectionView;
use auditwire_engine::delivery::Status;
use auditwire_engine::delivery::check::StageReport;
use auditwire_engine::delivery::failure::{CODES, Case, LinkFailure};

use crate::console::words::{Language, Words};

/// A text and whether it is in English although the page is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) text: String,
    pub(super) foreign: bool,
}

/// What a code means, in a few words. A code without words (of a TLS key that cannot be read) stands for itself.
pub(super) fn title(words: Words, code: &str) -> String {
    words.find(&format!("code-{code}")).unwrap_or_else(|| code.to_owned())
}

/// What to do about a stage that failed or left a doubt; `None` when there is nothing to do.
pub(super) fn remedy(words: Words, stage: &StageReport) -> Option<Told> {
    if stage.remedy.is_empty() {
        return None;
    }
    // The engine may know better than its tables; then there is no translation.
    let usual = english_remedy(&stage.code).is_some_and(|remedy| remedy == stage.remedy);
    let name = if usual { Some(stage.code.as_ref()) } else { Case::of_remedy(&stage.remedy).map(Case::name) };
    let translated = name.and_then(|name| translated_remedy(words, name));
    Some(translated.unwrap_or_else(|| engines(words, &stage.remedy)))
}

/// The same of a stage of a webhook's call, whose remedies the engine tells beside their codes.
pub(super) fn remedy_of(words: Words, code: &str, text: &str) -> Option<Told> {
    if text.is_empty() {
        return None;
    }
    // A link's codes have remedies of their own at a webhook.
    let at_webhook = words.find(&format!("remedy-at-webhook-{code}")).filter(|_| words.0 != Language::English);
    let told = at_webhook.map(|text| Told { text, foreign: false }).or_else(|| translated_remedy(words, code));
    Some(told.unwrap_or_else(|| engines(words, text)))
}

/// How long a stage took.
pub(super) fn took(words: Words, took: Duration) -> String {
    let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match ms {
        0..1000 => words.with("check-ms", "ms", words.number(ms)),
        _ => words.with("check-seconds", "seconds", words.roughly(took.as_secs_f64())),
    }
}

/// The engine's own words.
pub(super) fn engines(words: Words, text: &str) -> Told {
    Told { text: text.to_owned(), foreign: words.0 != Language::English }
}

/// Why a connection is not well, in a few words; `None` when it is, or is not active.
pub(super) fn cause(words: Words, view: &ConnectionView) -> Option<String> {
    if !matches!(view.status, Status::Degraded | Status::Failing) {
        return None;
    }
    let Some(code) = view.cause else { return Some(words.t("cause-connecting")) };
    Some(words.find(&format!("cause-{code}")).unwrap_or_else(|| title(words, code)))
}

/// What to do about the cause of a connection that is not well.
pub(super) fn cause_remedy(words: Words, code: &str) -> Option<String> {
    let own = words.find(&format!("remedy-{code}"));
    own.or_else(|| english_remedy(code).map(Cow::into_owned)).filter(|text| !text.is_empty())
}

fn translated_remedy(words: Words, code: &str) -> Option<Told> {
    if words.0 == Language::English {
        return None;
    }
    words.find(&format!("remedy-{code}")).map(|text| Told { text, foreign: false })
}

fn english_remedy(code: &str) -> Option<Cow<'static, str>> {
    let code = CODES.iter().find(|known| **known == code)?;
    Some(LinkFailure::new(code, "").remedy.into())
}

#[cfg(test)]
mod tests {
    use auditwire_engine::alerts::webhook;
    use auditwire_engine::delivery::check::Stage;

    use super::*;

    #[test]
    fn every_code_has_words_and_every_failure_a_remedy_in_every_language() {
        for code in CODES {
            for language in Language::ALL {
                assert!(Words(language).has(&format!("code-{code}")), "{code} in {language:?}");
                assert_eq!(cause_remedy(Words(language), code).is_none(), code == "ok", "{code} in {language:?}");
            }
            assert_eq!(Words(Language::Russian).has(&format!("remedy-{code}")), code != "ok", "{code}");
        }
        for case in Case::ALL {
            assert!(CODES.contains(&case.code()), "{case:?}");
            let stage = StageReport { code: case.code().into(), ..stage(case.remedy()) };
            let told = remedy_in(Language::Russian, &stage).unwrap();
            assert!(
                !told.foreign && told.text != translated_remedy(Words(Language::Russian), case.code()).unwrap().text,
                "{case:?}"
            );
        }
        for code in webhook::CODES {
            assert!(Language::ALL.into_iter().all(|language| Words(language).has(&format!("code-{code}"))), "{code}");
            assert!(Words(Language::Russian).has(&format!("remedy-{code}")), "{code}");
        }
        for cause in ["quarantined", "not_acknowledged", "connecting", "filter_unusable"] {
            assert!(Words(Language::Russian).has(&format!("cause-{cause}")), "{cause}");
        }
        for cause in ["quarantined", "filter_unusable"] {
            assert!(cause_remedy(Words(Language::English), cause).is_some(), "{cause}");
        }
    }

    #[test]
    fn a_remedy_of_the_moment_is_not_replaced_by_the_usual_one() {
        let russian = |remedy: &str| remedy_in(Language::Russian, &stage(remedy));
        let usual = LinkFailure::new("not_acknowledged", "").remedy;
        assert!(russian(&usual).is_some_and(|told| !told.foreign && told.text != usual));
        let special = "Raise the maximum message size of this connection.";
        assert_eq!(russian(special), Some(Told { text: special.to_owned(), foreign: true }));
        assert_eq!(russian(""), None);
        let english = remedy_in(Language::English, &stage(&usual));
        assert_eq!(english, Some(Told { text: usual, foreign: false }));
    }

    fn stage(remedy: &str) -> StageReport {
        StageReport {
            stage: Stage::Send,
            ok: false,
            code: "not_acknowledged".into(),
            message: String::new(),
            remedy: remedy.to_owned(),
            took: Duration::ZERO,
        }
    }

    fn remedy_in(language: Language, stage: &StageReport) -> Option<Told> {
        remedy(Words(language), stage)
    }
}

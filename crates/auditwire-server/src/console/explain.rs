//! What is wrong with a query, as it stands under the field that it was typed into: the text with the place marked, what was
//! expected, and the text that was probably meant.

use auditwire_model::query::QueryError;

use super::failure::explained;
use super::visible::line;
use super::words::Words;

/// So many characters are shown before and behind the place.
const AROUND: usize = 80;
/// So many of a wrong part.
const PART: usize = 200;

/// A mistake in a query. All texts are visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) before: String,
    /// Empty where something is missing.
    pub(crate) part: String,
    pub(crate) after: String,
    /// What is wrong, in the reader's language.
    pub(crate) text: String,
    /// The engine's own words where `text` is a translation.
    pub(crate) detail: Option<String>,
    pub(crate) expected: Vec<String>,
    pub(crate) repair: Option<Repair>,
}

/// What was probably meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repair {
    /// In the place of the wrong part; visible.
    pub(crate) suggestion: String,
    /// The whole text with it.
    pub(crate) query: String,
}

impl Mistake {
    pub(crate) fn of(words: Words, query: &str, error: &QueryError) -> Self {
        let (begin, end) = (bytes(query, error.position), bytes(query, error.position.saturating_add(error.length)));
        let cut = |range: std::ops::Range<usize>| query.get(range).unwrap_or_default();
        let meant = error.suggestion.as_ref().map(|meant| format!(" did you mean {meant}?"));
        // It stands below, as a link.
        let said = meant.map_or_else(|| error.detail.clone(), |meant| error.detail.replace(&meant, ""));
        let (text, detail) = explained(words, error.code, &sentence(&said));
        let repair = error.suggestion.as_deref().map(|suggestion| Repair {
            suggestion: line(suggestion, PART),
            query: format!("{}{suggestion}{}", cut(0..begin), cut(end..query.len())),
        });
        Self {
            before: tail(cut(0..begin)),
            part: line(cut(begin..end), PART),
            after: line(cut(end..query.len()), AROUND),
            text,
            detail,
            expected: error.expected.iter().map(|one| expected(words, one)).collect(),
            repair,
        }
    }
}

/// Where a code point begins, in bytes.
pub(crate) fn bytes(text: &str, position: usize) -> usize {
    text.char_indices().nth(position).map_or(text.len(), |(at, _)| at)
}

/// The last characters, for one line.
fn tail(text: &str) -> String {
    let over = text.chars().count().saturating_sub(AROUND);
    let shown = line(text.get(bytes(text, over)..).unwrap_or_default(), AROUND);
    if over > 0 { format!("…{shown}") } else { shown }
}

/// Details begin small, because programs put them behind a colon.
fn sentence(detail: &str) -> String {
    let mut letters = detail.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches(['.', ';']))
}

/// The parser's names of what could stand there are English; signs and words of the language are the same everywhere.
fn expected(words: Words, one: &str) -> String {
    let key = match one {
        "the end" => "query-the-end",
        "a blank" => "query-a-blank",
        "a value" => "query-a-value",
        "a parameter" => "query-a-parameter",
        "a metadata key" => "query-a-metadata-key",
        "a whole number" => "query-a-whole-number",
        other => return line(other, 60),
    };
    words.t(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::words::Language;

    fn error(position: usize, length: usize, suggestion: Option<&str>) -> QueryError {
        QueryError {
            code: "query_unknown_parameter",
            detail: "there is no parameter of this name".to_owned(),
            position,
            length,
            expected: vec!["a parameter".to_owned()],
            suggestion: suggestion.map(str::to_owned),
        }
    }

    #[test]
    fn the_place_is_marked_and_the_repair_replaces_it() {
        let told = Mistake::of(Words(Language::English), "я user = 1", &error(2, 4, Some("subject.user_id")));
        assert_eq!((&*told.before, &*told.part, &*told.after), ("я ", "user", " = 1"));
        let repair = told.repair.expect("a repair");
        assert_eq!((&*repair.suggestion, &*repair.query), ("subject.user_id", "я subject.user_id = 1"));
    }

    #[test]
    fn what_was_meant_is_said_once() {
        let detail = "there is no parameter of this name; did you mean severity? a text needs quotes here";
        let error = QueryError { detail: detail.to_owned(), ..error(0, 3, Some("severity")) };
        let told = Mistake::of(Words(Language::English), "sev", &error);
        assert_eq!(told.text, "There is no parameter of this name; a text needs quotes here.");
        let error = QueryError {
            detail: "there is no such connective; did you mean AND?".to_owned(),
            suggestion: Some("AND".to_owned()),
            ..error
        };
        assert_eq!(Mistake::of(Words(Language::English), "sev", &error).text, "There is no such connective.");
    }

    #[test]
    fn any_place_is_shown() {
        let long = "ж".repeat(16_000);
        for (position, length) in [(0, 0), (5, 0), (15_999, 1), (16_000, 0), (20_000, 9), (0, usize::MAX)] {
            let told = Mistake::of(Words(Language::Russian), &long, &error(position, length, None));
            let shown = [&told.before, &told.part, &told.after].map(|text| text.chars().count());
            assert!(shown[0] <= AROUND + 1 && shown[1] <= PART + 1 && shown[2] <= AROUND + 1, "{shown:?}");
        }
        let hidden = Mistake::of(Words(Language::English), "a\u{202e}b\nc", &error(1, 1, None));
        assert_eq!((&*hidden.part, &*hidden.after), ("⟨U+202E⟩", "b c"));
    }
}

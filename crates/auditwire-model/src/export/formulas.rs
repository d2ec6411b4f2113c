//! What a spreadsheet would run as a formula, and the apostrophes that keep it from that (OWASP, "CSV injection").
//!
//! Whoever opens a file may tell the spreadsheet another separator than ours, and its quotation marks and line ends are no
//! longer ours either: what we wrote as the middle of a cell is then the beginning of one. So every place in a text where any
//! such reader could begin a cell is looked at, not only the first. `docs/formats/export.md` has the rule and its inverse.

use std::borrow::Cow;

/// What happens to cells that a spreadsheet would run as a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Formulas {
    /// They get an apostrophe in front, so that they are shown.
    #[default]
    Neutralised,
    /// They stay as they are: for programs.
    Raw,
}

/// The text with an apostrophe at every place where a reader could begin a cell that it would run.
pub(super) fn neutralised(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut written, mut before) = (0, Before::default());
    for (at, c) in text.char_indices() {
        if before.is_run(&text[at..]) {
            out.push_str(&text[written..at]);
            out.push('\'');
            written = at;
        }
        before.pass(c);
    }
    if written == 0 && out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[written..]);
    Cow::Owned(out)
}

/// The two characters in front of a place, the nearer one first; nothing at the beginning of the text.
#[derive(Debug, Clone, Copy, Default)]
struct Before(Option<char>, Option<char>);

impl Before {
    fn pass(&mut self, c: char) {
        *self = Self(Some(c), self.0);
    }

    /// Whether some reader begins a cell here and runs it.
    fn is_run(self, rest: &str) -> bool {
        match self.0 {
            // A quotation mark would let a spreadsheet read on behind the next tab or line end.
            None => first(rest, is_passed_over).is_some_and(|(c, _)| begins_formula(c) || c == '"' || ends_cell(c)),
            Some('"') if self.1.is_none_or(|c| c == '"' || is_separator(c) || is_passed_over(c)) => {
                first(rest, is_passed_over).is_some_and(|(c, _)| begins_formula(c))
            }
            Some('"') => first(rest, |c| c == '\'').is_some_and(|(c, _)| begins_formula(c)),
            Some(c) if is_separator(c) => first(rest, is_passed_over).is_some_and(|(c, _)| begins_formula(c)),
            Some(c) if may_separate(c) => first(rest, |c| c == '\'')
                .is_some_and(|(first, rest)| begins_formula(first) && calls(rest.split(c).next().unwrap_or_default())),
            Some(_) => false,
        }
    }
}

/// The first character that is not passed over, and the text from there.
fn first(text: &str, passed_over: impl Fn(char) -> bool) -> Option<(char, &str)> {
    let rest = text.trim_start_matches(passed_over);
    rest.chars().next().map(|c| (c, rest))
}

/// What a formula begins with; the full-width forms are folded where Japanese or Chinese is the language.
fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')
}

/// What spreadsheets offer as a separator or take for one, and what ends a cell by itself.
fn is_separator(c: char) -> bool {
    matches!(c, ',' | ';' | '|') || ends_cell(c)
}

/// A tab, and everything that some reader takes for the end of a line (Unicode, UAX 14, class BK and NL).
fn ends_cell(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// What somebody could name as a separator but what also stands in ordinary text: there only what can do harm is kept from
/// running, or every option of a command (`exec -it`) would have its apostrophe.
fn may_separate(c: char) -> bool {
    (c == ' ' || c.is_ascii_punctuation()) && !matches!(c, '\'' | '=' | '+' | '-' | '@')
}

/// Whether a formula could do more than arithmetic: functions have `(`, DDE has `|`, other sheets and files `!` or `#`.
fn calls(formula: &str) -> bool {
    formula.contains(['(', '|', '!', '#', '（', '｜', '！', '＃'])
}

/// What hides no formula that stands behind it: blanks, apostrophes and what is not seen.
fn is_passed_over(c: char) -> bool {
    let invisible = matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}');
    c == '\'' || invisible || (c.is_whitespace() && !ends_cell(c))
}

/// The inverse of [`neutralised`], as the document gives it to readers.
#[cfg(test)]
pub(super) fn restored(text: &str) -> String {
    let (mut out, mut rest, mut before) = (String::new(), text, Before::default());
    while let Some(c) = rest.chars().next() {
        let behind = &rest[c.len_utf8()..];
        if c == '\'' && before.is_run(behind) {
            // The character behind is not looked at again: it stands where the apostrophe stood.
            let Some(kept) = behind.chars().next() else { break };
            out.push(kept);
            before.pass(kept);
            rest = &behind[kept.len_utf8()..];
            continue;
        }
        out.push(c);
        before.pass(c);
        rest = behind;
    }
    out
}

#[cfg(test)]
mod tests;

//! Tokens of the language. What a character means depends on where it stands (`:` compares, and is part of an address),
//! so the parser asks for the token that could come next. Places are in bytes here.

use std::borrow::Cow;
use std::ops::Range;

use super::error::Mistake;
use super::expr::Op;

/// A reserved word, in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    And,
    Or,
    Not,
    /// `EXIST` and `EXISTS`.
    Exist,
}

const KEYWORDS: [(&str, Keyword); 5] = [
    ("AND", Keyword::And),
    ("OR", Keyword::Or),
    ("NOT", Keyword::Not),
    ("EXIST", Keyword::Exist),
    ("EXISTS", Keyword::Exist),
];

impl Keyword {
    /// The keyword that `text` is.
    pub(super) fn parse(text: &str) -> Option<Self> {
        KEYWORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, keyword)| *keyword)
    }
}

/// Operators, longer ones before those they begin with.
const OPERATORS: [(&str, Op); 7] = [
    ("<>", Op::NotEqual),
    ("<=", Op::LessOrEqual),
    (">=", Op::GreaterOrEqual),
    ("=", Op::Equal),
    ("<", Op::Less),
    (">", Op::Greater),
    (":", Op::Contains),
];

/// Operators of other languages, and ours for the same.
const FOREIGN_OPERATORS: [(&str, &str); 9] = [
    ("==", "="),
    ("!=", "<>"),
    ("=>", ">="),
    ("=<", "<="),
    ("=~", ":"),
    ("><", "<>"),
    ("!~", "<>"),
    ("~=", ":"),
    ("~", ":"),
];

/// Connectives of other languages.
const FOREIGN_CONNECTIVES: [(&str, &str); 6] =
    [("&&", "AND"), ("||", "OR"), ("&", "AND"), ("|", "OR"), ("!", "NOT"), (",", "OR")];

/// Where reading has come to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The place, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes `wanted` if it comes next.
    pub(super) fn take(&mut self, wanted: char) -> bool {
        let comes = self.peek() == Some(wanted);
        if comes {
            self.at += wanted.len_utf8();
        }
        comes
    }

    /// Takes as many characters as `is` holds for.
    pub(super) fn take_while(&mut self, is: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !is(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// The keyword that comes next, and the scanner behind it.
    pub(super) fn keyword(&self) -> Option<(Keyword, Self)> {
        let mut behind = *self;
        let word = behind.take_while(|c| c.is_ascii_alphabetic());
        let keyword = Keyword::parse(word)?;
        (!behind.peek().is_some_and(is_bare)).then_some((keyword, behind))
    }

    /// Takes an operator if one comes next.
    pub(super) fn operator(&mut self) -> Result<Option<Op>, Mistake> {
        if let Some((wrong, right)) = starts(self.rest(), &FOREIGN_OPERATORS) {
            let detail = format!("there is no operator {wrong}; did you mean {right} ?");
            return Err(Mistake::syntax(self.at..self.at + wrong.len(), detail)
                .expecting(&OPERATOR_NAMES)
                .suggesting(right.to_owned()));
        }
        let Some((spelled, op)) = starts(self.rest(), &OPERATORS) else { return Ok(None) };
        self.at += spelled.len();
        Ok(Some(op))
    }

    /// A connective of another language that comes next: its bytes, and what it is called here.
    pub(super) fn foreign_connective(&self) -> Option<(Range<usize>, &'static str)> {
        let (wrong, right) = starts(self.rest(), &FOREIGN_CONNECTIVES)?;
        Some((self.at..self.at + wrong.len(), right))
    }

    /// Takes a quoted text, whose quote comes next. A backslash makes a quote or a backslash part of the text; before
    /// anything else it is a backslash.
    pub(super) fn quoted(&mut self) -> Result<Cow<'t, str>, Mistake> {
        let (start, rest) = (self.at, self.rest());
        let Some(quote) = rest.chars().next() else { return Ok(Cow::Borrowed("")) };
        let inner = rest.get(1..).unwrap_or_default();
        let mut text = Cow::Borrowed("");
        let mut copied = 0;
        let mut chars = inner.char_indices();
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.at = start + 1 + at + 1;
                self.expect_gap()?;
                let last = inner.get(copied..at).unwrap_or_default();
                return Ok(if copied == 0 { Cow::Borrowed(last) } else { text + last });
            }
            if c == '\\' && matches!(chars.clone().next(), Some((_, '\\' | '"' | '\''))) {
                text += inner.get(copied..at).unwrap_or_default();
                copied = at + 1;
                chars.next();
            }
        }
        let detail = format!("the value that begins here has no closing {quote}");
        Err(Mistake::syntax(start..self.text.len(), detail).expecting(&[if quote == '"' { "\"" } else { "'" }]))
    }

    /// Behind a closing quote must come something that ends a value.
    fn expect_gap(&self) -> Result<(), Mistake> {
        match self.peek() {
            Some(c) if is_bare(c) && c != ':' || matches!(c, '"' | '\'') => {
                let detail =
                    "after a closing quote a blank must follow; inside of a value write a quote as \\\" or \\'";
                let bytes = self.at..self.at + c.len_utf8();
                Err(Mistake::syntax(bytes, detail).expecting(&["a blank", ")", "the end"]))
            }
            _ => Ok(()),
        }
    }

    /// Takes a bare value that began at `start`, of which something may have been taken already. It runs to the next
    /// blank, closing parenthesis or the end, and must not be empty.
    pub(super) fn bare(&mut self, start: usize) -> Result<&'t str, Mistake> {
        self.take_while(is_bare);
        if self.at > start && !self.peek().is_some_and(|c| c != ')' && !c.is_whitespace()) {
            return Ok(self.text.get(start..self.at).unwrap_or_default());
        }
        let wrong = self.at;
        let whole = self.meant(start);
        let c = self.text.get(wrong..).and_then(|rest| rest.chars().next()).unwrap_or(' ');
        let detail = format!("{} cannot stand in a value without quotes", shown(c));
        Err(Mistake::syntax(start..start + whole.len(), detail)
            .expecting(&["a blank", ")", "the end"])
            .suggesting(quote_if_short(whole)))
    }

    /// What a writer most likely meant as one value: up to the next blank, with the parentheses it opens.
    fn meant(&self, start: usize) -> &'t str {
        let rest = self.text.get(start..).unwrap_or_default();
        let mut open = 0_usize;
        let end = rest.find(|c: char| match c {
            '(' => {
                open += 1;
                false
            }
            ')' if open > 0 => {
                open -= 1;
                false
            }
            ')' => true,
            c => c.is_whitespace(),
        });
        rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
    }
}

/// The operators, as an error lists them.
pub(super) const OPERATOR_NAMES: [&str; 9] = ["=", "<>", "<", "<=", ">", ">=", ":", "EXIST", "EXISTS"];

fn starts<T: Copy>(rest: &str, known: &[(&'static str, T)]) -> Option<(&'static str, T)> {
    known.iter().find(|(spelled, _)| rest.starts_with(spelled)).copied()
}

/// A suggestion has to be read, so a very long one is none.
fn quote_if_short(text: &str) -> Option<String> {
    (text.len() <= 200).then(|| super::print::quoted(text))
}

/// A character as an error shows it.
fn shown(c: char) -> String {
    if c.is_control() || c.is_whitespace() { format!("U+{:04X}", u32::from(c)) } else { c.to_string() }
}

/// True for what a value may hold without quotes: letters of any script with their marks, digits, and `_ - . : / @ + *`.
pub(super) fn is_bare(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/' | '@' | '+' | '*') || is_mark(c)
}

/// Marks that are part of a letter without being one: accents that stand alone in decomposed texts, and the signs of
/// Indic and South-East Asian scripts. The blocks hold nothing else but letters, digits and a few rare signs.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{6d6}'..='\u{6ed}' | '\u{730}'..='\u{74a}' | '\u{7a6}'..='\u{7b1}'
        | '\u{900}'..='\u{963}' | '\u{966}'..='\u{df3}' | '\u{e31}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}'
        | '\u{eb1}'..='\u{ece}' | '\u{f18}'..='\u{f19}' | '\u{f71}'..='\u{fbc}' | '\u{102b}'..='\u{103e}'
        | '\u{17b4}'..='\u{17d3}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{200c}'..='\u{200d}'
        | '\u{20d0}'..='\u{20ff}' | '\u{3099}'..='\u{309a}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}')
}

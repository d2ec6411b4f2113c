//! The parser: recursive descent, one pass, its depth bounded. Expressions come out in one form (nothing nested in its
//! own kind, no chain of one), so that what is printed reads back as the same.

use std::ops::Range;

use super::error::{Hint, Mistake, QueryError, place};
use super::expr::{Expr, Field, Op};
use super::lex::{Keyword, OPERATOR_NAMES, Scanner, is_bare};
use super::time::{InvalidTime, plus_for_blank};
use super::{print, suggest, value};
use crate::Timestamp;

/// The longest expression, in bytes.
pub const QUERY_BYTES_MAX: usize = 16 * 1024;

/// The deepest expression: parentheses, NOTs, and ANDs beside an OR, each inside of the one before.
pub const QUERY_DEPTH_MAX: usize = 64;

/// More hints than anyone reads.
const HINTS_MAX: usize = 8;

/// A text understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// What it means.
    pub expr: Expr,
    /// What was probably not meant, in the order of the text; at most 8.
    pub hints: Vec<Hint>,
}

/// Reads an expression; an empty text, or only blanks, is [`Expr::All`]. Times relative to `now` are refused without it:
/// what is stored must mean the same tomorrow. Takes time proportional to the text.
///
/// # Errors
/// [`QueryError`] tells place, remedy and, where one is near, what was probably meant.
pub fn parse(text: &str, now: Option<Timestamp>) -> Result<Parsed, QueryError> {
    if text.len() > QUERY_BYTES_MAX {
        let from = (0..=QUERY_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let detail = format!("an expression has at most {QUERY_BYTES_MAX} bytes; this one has {}", text.len());
        return Err(Mistake::new("query_too_long", from..text.len(), detail).located(text));
    }
    let mut parser = Parser { scan: Scanner::new(text), now, hints: Vec::new() };
    let expr = parser.all().map_err(|mistake| mistake.located(text))?;
    let hints = parser.hints.into_iter().map(|(bytes, detail)| {
        let (position, length) = place(text, &bytes);
        Hint { position, length, detail }
    });
    Ok(Parsed { expr, hints: hints.collect() })
}

/// A part of the tree, and how many levels it has below its own.
struct Node {
    expr: Expr,
    height: usize,
    /// Terms joined by AND, with no parentheses around them.
    loose: bool,
    bytes: Range<usize>,
}

struct Parser<'t> {
    scan: Scanner<'t>,
    now: Option<Timestamp>,
    hints: Vec<(Range<usize>, String)>,
}

impl<'t> Parser<'t> {
    fn all(&mut self) -> Result<Expr, Mistake> {
        self.scan.skip_blanks();
        if self.scan.peek().is_none() {
            return Ok(Expr::All);
        }
        let node = self.alternatives(0)?;
        match self.scan.peek() {
            None => Ok(node.expr),
            // Everything else is part of a term or was refused in one.
            Some(c) => {
                let bytes = self.scan.at()..self.scan.at() + c.len_utf8();
                Err(Mistake::syntax(bytes, "this parenthesis closes nothing").expecting(&["the end"]))
            }
        }
    }

    /// Chains joined by OR.
    fn alternatives(&mut self, depth: usize) -> Result<Node, Mistake> {
        let first = self.chain(depth)?;
        if !self.comes(Keyword::Or) {
            return Ok(first);
        }
        let mut bytes = first.bytes.clone();
        let (mut terms, mut height) = (Vec::new(), 0);
        let mut next = first;
        loop {
            // An AND among alternatives is printed in parentheses, so it counts like one.
            let level = next.height + usize::from(next.loose);
            if depth + level > QUERY_DEPTH_MAX {
                return Err(too_deep(next.bytes));
            }
            height = height.max(level);
            bytes.end = next.bytes.end;
            match next.expr {
                Expr::Or(inner) => terms.extend(inner),
                other => terms.push(other),
            }
            if !self.take(Keyword::Or) {
                return Ok(Node { expr: Expr::Or(terms), height, loose: false, bytes });
            }
            next = self.chain(depth)?;
        }
    }

    /// Terms joined by AND, or standing side by side, which means the same.
    fn chain(&mut self, depth: usize) -> Result<Node, Mistake> {
        let mut node = self.term(depth)?;
        let mut terms: Vec<Expr> = Vec::new();
        loop {
            let joined = self.take(Keyword::And);
            if !joined && (matches!(self.scan.peek(), None | Some(')')) || self.comes(Keyword::Or)) {
                break;
            }
            let next = self.term(depth)?;
            let before = terms.last().unwrap_or(&node.expr);
            if !joined && let Some(detail) = meant_either(before, &next.expr) {
                self.hint(next.bytes.clone(), detail);
            }
            if terms.is_empty() {
                append(&mut terms, std::mem::replace(&mut node.expr, Expr::All));
            }
            append(&mut terms, next.expr);
            node.height = node.height.max(next.height);
            node.bytes.end = next.bytes.end;
        }
        if !terms.is_empty() {
            node.expr = Expr::And(terms);
            node.loose = true;
        }
        Ok(node)
    }

    /// A negation, a group, a comparison or a value alone, and the blanks behind it.
    fn term(&mut self, depth: usize) -> Result<Node, Mistake> {
        self.scan.skip_blanks();
        let start = self.scan.at();
        let node = if let Some((keyword, behind)) = self.scan.keyword() {
            let bytes = start..behind.at();
            if keyword != Keyword::Not {
                return Err(self.no_term(bytes));
            }
            check_depth(depth, &bytes)?;
            self.scan = behind;
            let term = self.term(depth + 1)?;
            let bytes = start..term.bytes.end;
            Node { expr: Expr::Not(Box::new(term.expr)), height: term.height + 1, loose: false, bytes }
        } else if self.scan.take('(') {
            let opening = start..start + 1;
            check_depth(depth, &opening)?;
            let inner = self.alternatives(depth + 1)?;
            if !self.scan.take(')') {
                return Err(Mistake::syntax(opening, "this parenthesis is not closed").expecting(&[")"]));
            }
            Node { expr: inner.expr, height: inner.height + 1, loose: false, bytes: start..self.scan.at() }
        } else {
            let expr = self.leaf()?;
            Node { expr, height: 0, loose: false, bytes: start..self.scan.at() }
        };
        self.scan.skip_blanks();
        Ok(node)
    }

    /// A comparison or a value alone.
    fn leaf(&mut self) -> Result<Expr, Mistake> {
        let start = self.scan.at();
        match self.scan.peek() {
            Some('"' | '\'') => {
                let text = self.scan.quoted()?.into_owned();
                return if self.compares() {
                    Err(quoted_name(start..self.scan.at(), &text))
                } else {
                    Ok(Expr::Word(text))
                };
            }
            Some(c) if is_bare(c) && (c != ':' || self.scan.rest().starts_with("::")) => {}
            _ => return Err(self.no_term(start..start)),
        }
        let name = self.scan.take_while(|c| is_bare(c) && c != ':');
        let field = if name.ends_with(".metadata.") && matches!(self.scan.peek(), Some('"' | '\'')) {
            Some(self.quoted_key(name, start)?)
        } else {
            named(name)
        };
        let bytes = start..self.scan.at();
        let behind_name = self.scan;
        let touches = self.scan.peek() == Some(':');
        self.scan.skip_blanks();
        let Some(field) = field else {
            let meant = suggest::parameter(name);
            // What looks like a comparison by ':' may be an address, a port or a URL.
            let colons = self.scan.rest().starts_with(':') && (touches || self.scan.rest().starts_with("::"));
            if self.compares() && !(colons && (meant.is_none() || name.is_empty())) {
                return Err(unknown(name, meant, bytes));
            }
            self.scan = behind_name;
            return Ok(Expr::Word(self.scan.bare(start)?.to_owned()));
        };
        if let Some((Keyword::Exist, behind)) = self.scan.keyword() {
            self.scan = behind;
            return Ok(Expr::Exists(field));
        }
        let op_start = self.scan.at();
        match self.scan.operator()? {
            Some(op) => self.comparison(field, op, op_start..self.scan.at()),
            None if name.ends_with(".metadata.") => {
                Err(Mistake::syntax(op_start..op_start, "an operator must follow").expecting(&OPERATOR_NAMES))
            }
            None => {
                self.scan = behind_name;
                Ok(Expr::Word(self.scan.bare(start)?.to_owned()))
            }
        }
    }

    /// The value behind the operator at `op_bytes`.
    fn comparison(&mut self, field: Field, op: Op, op_bytes: Range<usize>) -> Result<Expr, Mistake> {
        value::check_operator(&field, op, op_bytes)?;
        self.scan.skip_blanks();
        let start = self.scan.at();
        let text = match self.scan.peek() {
            Some('"' | '\'') => self.scan.quoted()?.into_owned(),
            Some(c) if is_bare(c) => {
                if let Some((_, behind)) = self.scan.keyword() {
                    let word = self.scan.rest().get(..behind.at() - start).unwrap_or_default();
                    let detail = format!("{word} is a keyword; as a value it needs quotes");
                    return Err(Mistake::syntax(start..behind.at(), detail)
                        .expecting(&["a value"])
                        .suggesting(print::quoted(word)));
                }
                self.scan.bare(start)?.to_owned()
            }
            Some('(') => {
                let detail = format!("one comparison takes one value; write ({field} {op} a OR {field} {op} b)");
                return Err(Mistake::syntax(start..start + 1, detail).expecting(&["a value"]));
            }
            // Refuses: the character is none of those that a value may hold.
            Some(c) if c != ')' => self.scan.bare(start)?.to_owned(),
            _ => {
                let detail = format!("a value must follow {field} {op}");
                return Err(Mistake::syntax(start..start, detail).expecting(&["a value"]));
            }
        };
        let bytes = start..self.scan.at();
        self.refuse_blank_in_span(&field, &text, start)?;
        self.refuse_blank_for_plus(&field, &text, start)?;
        let value = value::typed(&field, op, text, bytes.clone(), self.now)?;
        if let Some(detail) = value::doubt(&field, op, &value) {
            self.hint(bytes, detail);
        }
        Ok(Expr::Compare(field, op, value))
    }

    /// `timestamp > now - 15m` would otherwise read as now, and two words to look for.
    fn refuse_blank_in_span(&self, field: &Field, text: &str, start: usize) -> Result<(), Mistake> {
        let mut behind = self.scan;
        behind.skip_blanks();
        if !value::is_time(field) || !text.starts_with("now") || !behind.rest().starts_with(['-', '+']) {
            return Ok(());
        }
        let span = behind.take_while(|c| is_bare(c) || c == ' ');
        let meant = format!("{text}{}", span.replace(' ', ""));
        Err(Mistake::new("query_bad_value", start..behind.at(), "a relative time has no blanks, like now-15m")
            .expecting(&["now", "now-15m"])
            .suggesting((meant.len() <= 20).then_some(meant)))
    }

    /// `timestamp > 2026-11-22T10:00:00 03:00` is what an address with a plus sign in it says. Read as a time and a word, its
    /// remedy would be a time that is hours off.
    fn refuse_blank_for_plus(&self, field: &Field, text: &str, start: usize) -> Result<(), Mistake> {
        let mut behind = self.scan;
        behind.skip_blanks();
        let offset = behind.take_while(is_bare);
        let meant = plus_for_blank(&format!("{text} {offset}")).filter(|_| value::is_time(field));
        let Some(meant) = meant else { return Ok(()) };
        Err(Mistake::new("query_bad_value", start..behind.at(), InvalidTime::BlankForPlus(meant.clone()).to_string())
            .expecting(&["an RFC 3339 time"])
            .suggesting(Some(meant)))
    }

    /// The field of `prefix` and a quoted key, whose quote comes next.
    fn quoted_key(&mut self, prefix: &str, start: usize) -> Result<Field, Mistake> {
        let bytes = start..self.scan.at();
        let key = self.scan.quoted()?;
        match prefix {
            "subject.metadata." => Ok(Field::SubjectMetadata(key.into_owned())),
            "resource.metadata." => Ok(Field::ResourceMetadata(key.into_owned())),
            _ => Err(unknown(prefix, suggest::parameter(prefix), bytes)),
        }
    }

    /// True if a comparison goes on here, rightly written or not.
    fn compares(&self) -> bool {
        let mut scan = self.scan;
        scan.skip_blanks();
        matches!(scan.keyword(), Some((Keyword::Exist, _))) || !matches!(scan.operator(), Ok(None))
    }

    fn no_term(&self, bytes: Range<usize>) -> Mistake {
        const EXPECTED: [&str; 4] = ["a parameter", "a value", "NOT", "("];
        let mut scan = self.scan;
        if let Some((bytes, meant)) = scan.foreign_connective() {
            let detail = format!("there is no such connective; did you mean {meant}?");
            return Mistake::syntax(bytes, detail).expecting(&EXPECTED).suggesting(meant.to_owned());
        }
        let start = scan.at();
        let mistake = if bytes.is_empty() {
            match (scan.operator(), scan.peek()) {
                (Err(mistake), _) => return mistake,
                (Ok(Some(_)), _) => {
                    Mistake::syntax(start..scan.at(), "an operator needs a parameter in front of it, like action = x")
                }
                (_, None) => Mistake::syntax(bytes, "something must follow"),
                (_, Some(')')) => Mistake::syntax(start..start + 1, "something must stand before this parenthesis"),
                (_, Some(_)) => match scan.bare(start) {
                    Err(mistake) => return mistake,
                    Ok(_) => Mistake::syntax(start..scan.at(), "this is no term"),
                },
            }
        } else {
            let word = scan.rest().get(..bytes.len()).unwrap_or_default();
            Mistake::syntax(
                bytes,
                format!("{word} joins what stands around it; to look for the word, put it in quotes"),
            )
            .suggesting(print::quoted(word))
        };
        mistake.expecting(&EXPECTED)
    }

    fn comes(&self, keyword: Keyword) -> bool {
        self.scan.keyword().is_some_and(|(next, _)| next == keyword)
    }

    fn take(&mut self, keyword: Keyword) -> bool {
        match self.scan.keyword() {
            Some((next, behind)) if next == keyword => {
                self.scan = behind;
                true
            }
            _ => false,
        }
    }

    fn hint(&mut self, bytes: Range<usize>, detail: String) {
        if self.hints.len() < HINTS_MAX {
            self.hints.push((bytes, detail));
        }
    }
}

/// The parameter that is written like this, without quotes.
fn named(name: &str) -> Option<Field> {
    Field::parse(name).filter(|_| !name.ends_with(".metadata."))
}

/// Adds a term to a chain; a chain in it becomes part of it.
fn append(terms: &mut Vec<Expr>, term: Expr) {
    match term {
        Expr::And(inner) => terms.extend(inner),
        other => terms.push(other),
    }
}

/// Two values of one field side by side: no event has both, so one of them was probably meant. A list may have both.
fn meant_either(before: &Expr, next: &Expr) -> Option<String> {
    let (Expr::Compare(one, Op::Equal, value), Expr::Compare(other, Op::Equal, another)) = (before, next) else {
        return None;
    };
    let is_list = one.column() == crate::event::columns::LABELS;
    (one == other && value != another && !is_list)
        .then(|| format!("side by side means AND, and {one} cannot equal both; did you mean OR?"))
}

fn unknown(name: &str, meant: Option<String>, bytes: Range<usize>) -> Mistake {
    const CODE: &str = "query_unknown_parameter";
    if named(name).is_none() && Field::parse(name).is_some() {
        return Mistake::new(CODE, bytes, "a metadata key must follow the dot").expecting(&["a metadata key"]);
    }
    let guess = meant.as_ref().map_or_else(String::new, |meant| format!(" did you mean {meant}?"));
    let detail = format!("there is no parameter of this name;{guess} a text to look for needs quotes here");
    Mistake::new(CODE, bytes, detail).expecting(&["a parameter"]).suggesting(meant)
}

fn quoted_name(bytes: Range<usize>, text: &str) -> Mistake {
    let meant = Some(text).filter(|text| named(text).is_some()).map(str::to_owned).or_else(|| suggest::parameter(text));
    Mistake::new("query_unknown_parameter", bytes, "a parameter is written without quotes")
        .expecting(&["a parameter"])
        .suggesting(meant)
}

fn check_depth(depth: usize, bytes: &Range<usize>) -> Result<(), Mistake> {
    if depth < QUERY_DEPTH_MAX { Ok(()) } else { Err(too_deep(bytes.clone())) }
}

fn too_deep(bytes: Range<usize>) -> Mistake {
    let detail = format!("parentheses and NOT are nested more than {QUERY_DEPTH_MAX} deep");
    Mistake::new("query_too_deep", bytes, detail)
}

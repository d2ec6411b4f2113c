//! Reads a request's JSON object field by field, so that every mistake names its field by its dotted path.

use serde_json::{Map, Value};

use crate::error::{Error, Kind, Result};

/// Most mistakes that are told of one request: a form has fewer fields, and an answer must stay small.
const MISTAKES_MAX: usize = 32;

/// What is wrong with a request, in the order in which it was read; each field and code once.
#[derive(Debug, Default)]
pub(super) struct Mistakes(Vec<Error>);

impl Mistakes {
    /// The value, or a note of why there is none.
    pub(super) fn note<T>(&mut self, read: Result<T>) -> Option<T> {
        read.map_err(|error| self.add(error)).ok()
    }

    /// As [`note`](Self::note), for a value that may be absent.
    pub(super) fn note_or_default<T: Default>(&mut self, read: Result<T>) -> T {
        self.note(read).unwrap_or_default()
    }

    fn add(&mut self, error: Error) {
        let known = self.0.iter().any(|e| (e.code, &e.field) == (error.code, &error.field));
        if !known && self.0.len() < MISTAKES_MAX {
            self.0.push(error);
        }
    }

    /// All mistakes, unless there are none.
    pub(super) fn unless_any<T>(self, value: Option<T>) -> Result<T, Vec<Error>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }
}

/// A JSON object of a request, with the path that leads to it.
pub(super) struct Object {
    path: String,
    fields: Map<String, Value>,
}

impl Object {
    /// The body of a request. `known` fields may be there, `ignored` ones may too; any other is an error.
    pub(super) fn body(bytes: &[u8], known: &[&str], ignored: &[&str], mistakes: &mut Mistakes) -> Option<Self> {
        let read = serde_json::from_slice(bytes).map_err(|e| {
            let detail = format!("the body is not JSON: line {}, column {}", e.line(), e.column());
            Error::new(Kind::Invalid, "invalid_json", detail)
        });
        let object = match mistakes.note(read)? {
            Value::Object(fields) => Ok(Self { path: String::new(), fields }),
            _ => Err(Error::new(Kind::Invalid, "invalid_type", "the body must be a JSON object")),
        };
        mistakes.note(object).inspect(|object| object.check(known, ignored, mistakes))
    }

    /// One field of a request.
    pub(super) fn of(name: &str, value: Value) -> Self {
        Self { path: String::new(), fields: Map::from_iter([(name.to_owned(), value)]) }
    }

    /// An object inside; `None` when absent, `null` or no object.
    pub(super) fn object(
        &mut self,
        name: &str,
        known: &[&str],
        ignored: &[&str],
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let object = match self.take(name)? {
            Value::Object(fields) => Ok(Self { path: self.path_of(name), fields }),
            _ => Err(self.wrong_type(name, "an object")),
        };
        mistakes.note(object).inspect(|object| object.check(known, ignored, mistakes))
    }

    fn check(&self, known: &[&str], ignored: &[&str], mistakes: &mut Mistakes) {
        let known_field = |name: &str| known.contains(&name) || ignored.contains(&name);
        for name in self.fields.keys().filter(|name| !known_field(name)).take(MISTAKES_MAX) {
            // Names are the client's: cut, so that an answer cannot be made to carry a whole body.
            let shown: String = self.path_of(name).chars().filter(|c| !c.is_control()).take(128).collect();
            let detail = format!("there is no field '{shown}'; known are {}", known.join(", "));
            mistakes.add(Error::invalid("unknown_field", shown, detail));
        }
    }

    /// What stands in a field that is there, without taking it.
    pub(super) fn named(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// The same of a field of an object inside.
    pub(super) fn inside(&self, outer: &str, name: &str) -> Option<&Value> {
        self.fields.get(outer)?.get(name)
    }

    /// Sets a field that is not there. An explicit `null` is there.
    pub(super) fn fill(&mut self, name: &str, value: Value) {
        self.fields.entry(name).or_insert(value);
    }

    /// The same in an object inside, which is made when it is not there. True when it was set.
    pub(super) fn fill_in(&mut self, outer: &str, name: &str, value: Value) -> bool {
        let outer = self.fields.entry(outer).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(fields) = outer else { return false };
        let is_new = !fields.contains_key(name);
        fields.entry(name).or_insert(value);
        is_new
    }

    /// A text; `None` when absent or `null`.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong_type(name, "a string")),
        }
    }

    /// A text that must be there.
    pub(super) fn required(&mut self, name: &str) -> Result<String> {
        let missing = Error::invalid("missing_field", self.path_of(name), format!("'{name}' is required"));
        self.text(name)?.ok_or(missing)
    }

    /// Absent, `null`, or a text.
    pub(super) fn nullable_text(&mut self, name: &str) -> Result<Option<Option<String>>> {
        if self.fields.get(name) == Some(&Value::Null) {
            return Ok(Some(None));
        }
        Ok(self.text(name)?.map(Some))
    }

    /// `false` when absent or `null`.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(value),
            Some(_) => Err(self.wrong_type(name, "true or false")),
        }
    }

    /// A whole number in `range`, else an error with `code`; `None` when absent or `null`.
    pub(super) fn number(
        &mut self,
        name: &str,
        range: std::ops::RangeInclusive<u64>,
        code: &'static str,
    ) -> Result<Option<u64>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Number(number)) => match number.as_u64().filter(|n| range.contains(n)) {
                Some(n) => Ok(Some(n)),
                None => {
                    let detail = format!("'{name}' must be a whole number from {} to {}", range.start(), range.end());
                    Err(self.error(code, name, detail))
                }
            },
            Some(_) => Err(self.wrong_type(name, "a number")),
        }
    }

    /// A list of texts; empty when absent or `null`.
    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>> {
        let items = match self.take(name) {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(self.wrong_type(name, "a list of strings")),
        };
        let text = |item| if let Value::String(text) = item { Some(text) } else { None };
        items.into_iter().map(text).collect::<Option<_>>().ok_or_else(|| self.wrong_type(name, "a list of strings"))
    }

    /// One of the names of `T`; `None` when absent or `null`.
    pub(super) fn choice<T: serde::de::DeserializeOwned>(
        &mut self,
        name: &str,
        choices: &[&str],
        code: &'static str,
    ) -> Result<Option<T>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match serde_json::from_value(Value::String(text)) {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(self.error(code, name, format!("'{name}' must be one of {}", choices.join(", ")))),
        }
    }

    /// An error that blames a field of this object.
    pub(super) fn error(&self, code: &'static str, name: &str, detail: impl Into<String>) -> Error {
        Error::invalid(code, self.path_of(name), detail)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    fn wrong_type(&self, name: &str, wanted: &str) -> Error {
        self.error("invalid_type", name, format!("'{name}' must be {wanted}"))
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

//! The first stage: text by section and key, merged in order of precedence. The shape of the defaults is the schema:
//! a section or key that is not in it is refused, whoever set it.

use std::collections::BTreeMap;
use std::ffi::OsString;

use toml::{Table, Value};

use super::{DEFAULTS, Overrides, units, variables};
use crate::failure::{Failure, Result};

/// A value as it was written, and who wrote it.
#[derive(Debug, Clone)]
struct Entry {
    value: Value,
    from: String,
}

/// Every `section.key` and its value as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Written(BTreeMap<String, String>);

impl Written {
    /// The keys whose values are not the same.
    pub(crate) fn changed(&self, new: &Self) -> Vec<String> {
        let differs = |(key, value): &(&String, &String)| self.0.get(*key) != Some(*value);
        new.0.iter().filter(differs).map(|(key, _)| key.clone()).collect()
    }
}

/// All keys with their values so far, and what was wrong.
#[derive(Debug)]
pub(super) struct Raw {
    entries: BTreeMap<(String, String), Entry>,
    problems: Vec<String>,
}

impl Raw {
    /// The committed defaults.
    pub(super) fn defaults() -> Result<Self> {
        let table: Table =
            DEFAULTS.parse().map_err(|e| Failure::new(format!("config.default.toml is damaged: {e}")))?;
        let mut entries = BTreeMap::new();
        for (section, keys) in &table {
            for (key, value) in keys.as_table().into_iter().flatten() {
                let entry = Entry { value: value.clone(), from: "the default".into() };
                entries.insert((section.clone(), key.clone()), entry);
            }
        }
        Ok(Self { entries, problems: Vec::new() })
    }

    /// Takes a TOML file's keys.
    pub(super) fn merge_file(&mut self, text: &str, name: &str) {
        let table: Table = match text.parse() {
            Ok(table) => table,
            Err(error) => {
                let error = error.to_string();
                return self.problems.push(format!("{name} is not TOML: {}", error.trim().replace('\n', " ")));
            }
        };
        for (section, keys) in table {
            let Value::Table(keys) = keys else {
                self.unknown(&section, None, name);
                continue;
            };
            if keys.is_empty() && !self.sections().contains(&section) {
                self.unknown(&section, None, name);
            }
            for (key, value) in keys {
                self.set(&section, &key, value, name);
            }
        }
    }

    /// Takes `AUDITWIRE_<SECTION>__<KEY>`. Another name that begins with `AUDITWIRE_` must be one that something else reads.
    pub(super) fn merge_environment(&mut self, environment: impl IntoIterator<Item = (OsString, OsString)>) {
        let mut found: Vec<(OsString, OsString)> = environment.into_iter().collect();
        found.sort();
        for (name, value) in found {
            let Some((name, rest)) = name.to_str().and_then(|name| Some((name, name.strip_prefix("AUDITWIRE_")?)))
            else {
                continue;
            };
            let Some((section, key)) = rest.split_once("__") else {
                if !variables::is_no_setting(rest, &value.to_string_lossy()) {
                    let hint = variables::hint(rest, self.entries.keys());
                    self.problems.push(format!("{name} (the environment) is not a setting{hint}"));
                }
                continue;
            };
            let (section, key) = (section.to_lowercase(), key.to_lowercase());
            match value.into_string() {
                // An empty variable is one that is not set; its name must be a setting all the same.
                Ok(value) if value.is_empty() && self.value(&section, &key).is_some() => {}
                Ok(value) => self.set(&section, &key, Value::String(value), name),
                Err(_) => self.problems.push(format!("{name} is not UTF-8 text")),
            }
        }
    }

    /// Takes what the command line says.
    pub(super) fn merge_overrides(&mut self, overrides: &Overrides) {
        for (section, key, value) in overrides {
            self.set(section, key, Value::String(value.clone()), "the command line");
        }
    }

    fn set(&mut self, section: &str, key: &str, value: Value, from: &str) {
        match self.entries.get_mut(&(section.to_owned(), key.to_owned())) {
            Some(entry) => *entry = Entry { value, from: from.to_owned() },
            None => self.unknown(section, Some(key), from),
        }
    }

    fn unknown(&mut self, section: &str, key: Option<&str>, from: &str) {
        let sections = self.sections();
        let problem = match key {
            Some(key) if sections.iter().any(|s| s == section) => {
                let keys: Vec<String> =
                    self.entries.keys().filter(|(s, _)| s == section).map(|(_, key)| key.clone()).collect();
                format!("{section}.{key} ({from}) is not a setting{}", hint(key, &keys))
            }
            _ => format!("{section} ({from}) is not a section{}", hint(section, &sections)),
        };
        self.problems.push(problem);
    }

    fn sections(&self) -> Vec<String> {
        let mut sections: Vec<String> = self.entries.keys().map(|(section, _)| section.clone()).collect();
        sections.dedup();
        sections
    }

    /// Records what is wrong with a key.
    pub(super) fn problem(&mut self, section: &str, key: &str, why: &str) {
        let from = self.entries.get(&(section.to_owned(), key.to_owned())).map_or("the default", |e| e.from.as_str());
        let problem = format!("{section}.{key} ({from}): {why}");
        self.problems.push(problem);
    }

    /// Every key with its value, to tell what changed.
    pub(super) fn written(&self) -> Written {
        let text = |((section, key), entry): (&(String, String), &Entry)| {
            (format!("{section}.{key}"), entry.value.to_string())
        };
        Written(self.entries.iter().map(text).collect())
    }

    /// What was wrong with all of it.
    pub(super) fn into_problems(self) -> Vec<String> {
        self.problems
    }

    fn value(&self, section: &str, key: &str) -> Option<&Value> {
        self.entries.get(&(section.to_owned(), key.to_owned())).map(|entry| &entry.value)
    }

    /// A text; empty means not set. The outer `None` means that a problem was recorded.
    pub(super) fn text(&mut self, section: &str, key: &str) -> Option<Option<String>> {
        match self.value(section, key) {
            Some(Value::String(text)) => Some(Some(text.clone()).filter(|text| !text.is_empty())),
            _ => {
                self.problem(section, key, "write a text in quotes");
                None
            }
        }
    }

    /// A text that may not be empty.
    pub(super) fn required_text(&mut self, section: &str, key: &str) -> Option<String> {
        let text = self.text(section, key)?;
        if text.is_none() {
            self.problem(section, key, "must not be empty");
        }
        text
    }

    /// A text with a meaning.
    pub(super) fn parsed<T>(
        &mut self,
        section: &str,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.required_text(section, key)?;
        parse(&text).map_err(|why| self.problem(section, key, &why)).ok()
    }

    /// A list of texts with a meaning; from the environment separated by commas.
    pub(super) fn list<T>(
        &mut self,
        section: &str,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let items: Option<Vec<String>> = match self.value(section, key) {
            Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            Some(Value::String(text)) => {
                Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
            }
            _ => None,
        };
        let Some(items) = items else {
            self.problem(section, key, "write a list of texts, such as [\"a\", \"b\"]");
            return None;
        };
        let results: Vec<Result<T, String>> = items.iter().map(|item| parse(item)).collect();
        let mut fine = Some(Vec::new());
        for result in results {
            match (result, fine.as_mut()) {
                (Ok(value), Some(list)) => list.push(value),
                (Ok(_), None) => {}
                (Err(why), _) => {
                    self.problem(section, key, &why);
                    fine = None;
                }
            }
        }
        fine
    }

    /// A size or count within bounds.
    pub(super) fn size(&mut self, section: &str, key: &str, min: u64, max: u64) -> Option<usize> {
        let text = match self.value(section, key) {
            Some(Value::Integer(number)) => number.to_string(),
            Some(Value::String(text)) => text.clone(),
            _ => String::new(),
        };
        match units::size(&text) {
            Ok(size) if (min..=max).contains(&size) => usize::try_from(size).ok(),
            Ok(size) => {
                self.problem(section, key, &format!("{size} is outside {min} to {max}"));
                None
            }
            Err(why) => {
                self.problem(section, key, &why);
                None
            }
        }
    }
}

/// "; did you mean …?", when something known is near.
fn hint(wrong: &str, known: &[String]) -> String {
    let near = known.iter().map(|name| (distance(wrong, name), name)).min();
    match near {
        Some((distance, name)) if distance <= 2.max(wrong.len() / 3) => format!("; did you mean {name}?"),
        _ => format!("; known are {}", known.join(", ")),
    }
}

/// Levenshtein distance; names are short.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let cost = (diagonal + usize::from(x != *y)).min(above + 1).min(left + 1);
            diagonal = above;
            if let Some(cell) = row.get_mut(j) {
                *cell = left;
            }
            left = cost;
        }
        if let Some(cell) = row.get_mut(b.len()) {
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

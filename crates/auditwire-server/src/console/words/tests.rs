use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::parser::parse;

use super::*;

/// Messages of one language with the variables that they use.
fn messages(language: usize) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for (file, text) in SOURCES[language].1 {
        let resource = parse(*text).unwrap_or_else(|(_, e)| panic!("{}/{file}: {e:?}", SOURCES[language].0));
        for entry in resource.body {
            let Entry::Message(message) = entry else { continue };
            let mut used = BTreeSet::new();
            variables(message.value.as_ref().expect("a message has a value"), &mut used);
            let twice = found.insert(message.id.name.to_owned(), used);
            assert!(twice.is_none(), "{}: {} is defined twice", SOURCES[language].0, message.id.name);
        }
    }
    found
}

fn variables(pattern: &Pattern<&str>, found: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        let PatternElement::Placeable { expression } = element else { continue };
        let selector = match expression {
            Expression::Inline(inline) => inline,
            Expression::Select { selector, variants } => {
                variants.iter().for_each(|variant| variables(&variant.value, found));
                selector
            }
        };
        if let InlineExpression::VariableReference { id } = selector {
            found.insert(id.name.to_owned());
        }
    }
}

#[test]
fn every_message_is_there_in_every_language_with_the_same_variables() {
    let (english, russian) = (messages(0), messages(1));
    let only = |a: &BTreeMap<String, _>, b: &BTreeMap<String, _>| -> Vec<String> {
        a.keys().filter(|key| !b.contains_key(*key)).cloned().collect()
    };
    // Error codes carry the engine's own English words, so only other languages have texts for them.
    let only_russian: Vec<String> = only(&russian, &english)
        .into_iter()
        .filter(|key| !key.starts_with("error-") && !key.starts_with("remedy-"))
        .collect();
    assert_eq!((only(&english, &russian), only_russian), (vec![], vec![]));
    for (key, variables) in &english {
        let shared = |set: &BTreeSet<String>| set.iter().filter(|v| *v != "n").cloned().collect::<Vec<_>>();
        assert_eq!(shared(variables), shared(&russian[key]), "{key}");
    }
}

/// Keys that are put together at run time begin with one of these.
const FAMILIES: [&str; 17] = [
    "notice-",
    "error-",
    "failure-",
    "time-",
    "status-",
    "severity-",
    "outcome-",
    "stage-",
    "code-",
    "remedy-",
    "cause-",
    "transport-",
    "format-",
    "range-",
    "theme-",
    "delivered-",
    "overview-",
];

#[test]
fn every_key_that_is_asked_for_exists_and_none_is_left_over() {
    let known = messages(0);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut everything = String::new();
    for file in files(&root.join("templates")).into_iter().chain(files(&root.join("src/console"))) {
        let text = std::fs::read_to_string(&file).expect("a readable file");
        for call in [".t(\"", ".with(\"", ".with_all(\"", ".count(\""] {
            for piece in text.split(call).skip(1) {
                let key = piece.split('"').next().unwrap_or_default();
                assert!(known.contains_key(key), "{} asks for {key}", file.display());
            }
        }
        everything.push_str(&text);
    }
    // A key may also be chosen before it is asked for; then it stands somewhere as a text of its own.
    let named = |key: &str| everything.contains(&format!("\"{key}\"")) || FAMILIES.iter().any(|f| key.starts_with(f));
    assert_eq!(known.keys().filter(|key| !named(key)).collect::<Vec<_>>(), Vec::<&String>::new());
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if !path.ends_with("tests.rs") && path.extension().is_some_and(|x| x == "rs" || x == "html") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_language_that_is_asked_for() {
    let accepted = |text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, text.parse().expect("a value"));
        Language::accepted(&headers)
    };
    for text in ["", "en", "de,fr;q=0.5", "en-GB,ru;q=0.9", "ru;q=0", "ru;q=x", "*"] {
        assert_eq!(accepted(text), Language::English, "{text}");
    }
    for text in ["ru", "ru-RU,ru;q=0.9,en;q=0.8", "de, ru;q=0.3", "en;q=0.5,RU;q=0.7"] {
        assert_eq!(accepted(text), Language::Russian, "{text}");
    }
}

#[test]
fn numbers_are_written_as_people_write_them() {
    let numbers = [0, 999, 1_000, 12_345, 1_234_567];
    assert_eq!(numbers.map(|n| Words(Language::English).number(n)), ["0", "999", "1,000", "12,345", "1,234,567"]);
    assert_eq!(Words(Language::Russian).number(1_234_567), "1\u{a0}234\u{a0}567");
    let rates = [0.0, 0.04, 0.25, 9.0, 9.94, 9.96, 1234.5];
    assert_eq!(rates.map(|n| Words(Language::English).roughly(n)), ["0", "0", "0.2", "9", "9.9", "10", "1,234"]);
    assert_eq!(Words(Language::Russian).roughly(2.5), "2,5");
}

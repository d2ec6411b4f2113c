//! The parameter or value that was probably meant.

use super::expr::Field;

/// Other words for parameters, and last parts that several have.
const ALIASES: [(&str, &str); 34] = [
    ("address", "subject.address"),
    ("ip", "subject.address"),
    ("src_ip", "subject.address"),
    ("client_ip", "subject.address"),
    ("subject.ip", "subject.address"),
    ("source.ip", "source.address"),
    ("subject", "subject.user_id"),
    ("subject.id", "subject.user_id"),
    ("user", "subject.user_id"),
    ("user.id", "subject.user_id"),
    ("username", "subject.metadata.name"),
    ("name", "subject.metadata.name"),
    ("email", "subject.metadata.email"),
    ("user_agent", "subject.metadata.user_agent"),
    ("project", "subject.project_id"),
    ("source", "source.id"),
    ("service", "source.id"),
    ("source_id", "source.id"),
    ("resource", "resource.id"),
    ("resource_id", "resource.id"),
    ("resource_type", "resource.type"),
    ("id", "event_id"),
    ("event", "action"),
    ("event_type", "action"),
    ("type", "resource.type"),
    ("time", "timestamp"),
    ("date", "timestamp"),
    ("level", "severity"),
    ("msg", "message"),
    ("text", "message"),
    ("status", "status.code"),
    ("code", "status.code"),
    ("result", "outcome"),
    ("tag", "labels"),
];

/// Longer names are no slips of a finger.
const NAME_CHARS_MAX: usize = 64;

/// The known parameter nearest to an unknown `name`: another word for it, its last part, or few letters away.
pub(super) fn parameter(name: &str) -> Option<String> {
    let lower = name.to_lowercase();
    if lower.chars().count() > NAME_CHARS_MAX {
        return None;
    }
    if Field::parse(&lower).is_some() && !lower.ends_with('.') {
        return Some(lower);
    }
    if let Some((_, meant)) = ALIASES.iter().find(|(alias, _)| *alias == lower) {
        return Some((*meant).to_owned());
    }
    let last_part = |known: &&str| known.rsplit_once('.').is_some_and(|(_, last)| last == lower);
    if let Some(known) = Field::names().find(last_part) {
        return Some(known.to_owned());
    }
    metadata(&lower).or_else(|| nearest(&lower, Field::names()).map(str::to_owned)).or_else(|| {
        let aliases = ALIASES.iter().map(|(alias, _)| *alias).filter(|alias| alias.len() > 3);
        let near = nearest(&lower, aliases)?;
        ALIASES.iter().find(|(alias, _)| *alias == near).map(|(_, meant)| (*meant).to_owned())
    })
}

/// `resource.metdata.key` and the like: the key is kept.
fn metadata(name: &str) -> Option<String> {
    let (second_dot, _) = name.match_indices('.').nth(1)?;
    let (head, key) = name.split_at(second_dot);
    let prefix = nearest(head, ["subject.metadata", "resource.metadata"].into_iter())?;
    Some(format!("{prefix}{key}"))
}

/// The one of `known` that is the fewest letters away: at most one in three of the letters may be wrong.
pub(super) fn nearest<'k>(text: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let chars: Vec<char> = text.chars().collect();
    let allowed = chars.len() / 3;
    known
        .filter(|one| one.len().abs_diff(chars.len()) <= allowed)
        .map(|one| (distance(&chars, one), one))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, one)| one)
}

/// Letters to insert, remove, replace or swap with their neighbour (optimal string alignment).
fn distance(text: &[char], known: &str) -> usize {
    let known: Vec<char> = known.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=known.len()).collect();
    for (row, given) in text.iter().enumerate() {
        let mut current = Vec::with_capacity(known.len() + 1);
        current.push(row + 1);
        for (column, wanted) in known.iter().enumerate() {
            let replaced = last[column] + usize::from(given != wanted);
            let mut best = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *given == known[column - 1] && text[row - 1] == *wanted {
                best = best.min(before_last[column - 1] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        for (name, meant) in [
            ("user_id", "subject.user_id"),
            ("source.adress", "source.address"),
            ("sorce.id", "source.id"),
            ("suorce.id", "source.id"),
            ("adress", "subject.address"),
            ("Action", "action"),
            ("resource.metdata.user", "resource.metadata.user"),
            ("service-id", "service_id"),
            ("sevrity", "severity"),
            ("project_id", "subject.project_id"),
            ("lables", "labels"),
            ("time", "timestamp"),
        ] {
            assert_eq!(parameter(name).as_deref(), Some(meant), "{name}");
        }
        for name in ["", "x", "http", "10.0.0.1", "urn", "arn", "foo", &"a".repeat(1000)] {
            assert_eq!(parameter(name), None, "{name}");
        }
    }

    #[test]
    fn distances() {
        let of = |one: &str, other: &str| distance(&one.chars().collect::<Vec<_>>(), other);
        for (one, other, expected) in
            [("", "", 0), ("a", "", 1), ("", "ab", 2), ("ab", "ba", 1), ("kitten", "sitting", 3), ("ёж", "еж", 1)]
        {
            assert_eq!(of(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn every_alias_means_a_parameter() {
        assert!(ALIASES.iter().all(|(alias, meant)| Field::parse(alias).is_none() && Field::parse(meant).is_some()));
    }
}

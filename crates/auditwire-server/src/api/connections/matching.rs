//! ETags of connections and the conditions on them (RFC 9110 section 13).

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::api::problem::{Problem, Result};

/// Says which revision an answer shows.
pub(super) fn tag(mut response: Response, revision: u64) -> Response {
    if let Ok(value) = HeaderValue::from_str(&format!("\"{revision}\"")) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// The revision that `If-Match` asks for; `None` without it and for `*`.
///
/// A tag that is no revision of ours matches nothing, so it is stale like an old one.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<u64>> {
    let tags = tags(headers, &header::IF_MATCH);
    match tags.as_slice() {
        [] => Ok(None),
        [one] if one == "*" => Ok(None),
        [one] => Ok(Some(revision(one).ok_or_else(stale)?)),
        _ => Err(Problem::bad_request("invalid_if_match", "If-Match takes one tag here").in_field("If-Match")),
    }
}

/// Whether `If-None-Match` says that the client has this revision already.
pub(super) fn is_known(headers: &HeaderMap, current: u64) -> bool {
    let weak = |tag: &String| revision(tag.trim_start_matches("W/")) == Some(current) || tag == "*";
    tags(headers, &header::IF_NONE_MATCH).iter().any(weak)
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = headers.get_all(name).iter();
    let split = values.flat_map(|v| v.to_str().unwrap_or("?").split(','));
    split.map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
}

fn revision(tag: &str) -> Option<u64> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    digits.parse().ok().filter(|_| digits.bytes().all(|c| c.is_ascii_digit()))
}

fn stale() -> Problem {
    let detail =
        "the object has changed, or this is no tag of it; read it again and repeat the change on what is there";
    Problem::new(StatusCode::PRECONDITION_FAILED, "stale", detail).in_field("If-Match")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_static(text))])
    }

    #[test]
    fn conditions() {
        assert_eq!(if_match(&HeaderMap::new()).expect("reads"), None);
        assert_eq!(if_match(&asked("*")).expect("reads"), None);
        assert_eq!(if_match(&asked("\"7\"")).expect("reads"), Some(7));
        // If-Match compares strongly, so a weak tag never matches.
        for text in ["7", "W/\"7\"", "\"+7\"", "\"x\"", "\"\""] {
            assert_eq!(if_match(&asked(text)).expect_err("is refused").code(), "stale", "{text}");
        }
        assert_eq!(if_match(&asked("\"7\", \"8\"")).expect_err("is refused").code(), "invalid_if_match");

        let known =
            |text| is_known(&HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(text))]), 7);
        assert!(known("\"7\"") && known("W/\"7\"") && known("\"1\", \"7\"") && known("*"));
        assert!(!known("\"8\"") && !known("7"));
    }
}

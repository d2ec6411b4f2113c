//! The engine's refusals as texts under the fields of the form. The one place that knows which field is which.

use auditwire_engine::{Error, Kind};

use crate::console::failure::explained;
use crate::console::form::FormErrors;
use crate::console::words::Words;

/// Each field of the form with its label, in the order in which they stand there.
pub(super) const FIELDS: [(&str, &str); 34] = [
    ("name", "form-name"),
    ("receiver", "form-receiver"),
    ("endpoint", "form-endpoint"),
    ("transport", "form-transport"),
    ("pem", "form-pem"),
    ("verify", "form-verify"),
    ("verify_off_confirmed", "form-verify"),
    ("fingerprint", "form-fingerprint"),
    ("server_name", "form-server-name"),
    ("min_version", "form-min-version"),
    ("format", "form-format"),
    ("mapping", "form-mapping"),
    ("framing", "form-framing"),
    ("cef_envelope", "form-cef-envelope"),
    ("facility", "form-facility"),
    ("hostname", "form-hostname"),
    ("app_name", "form-app-name"),
    ("max_bytes", "form-max-bytes"),
    ("pen", "form-pen"),
    ("overlap_bytes", "form-overlap"),
    ("overlap_seconds", "form-overlap-seconds"),
    ("heartbeat_seconds", "form-heartbeat"),
    ("order", "form-order"),
    ("leef_cat", "form-leef-cat"),
    ("ipv6_in_src", "form-ipv6-in-src"),
    ("metadata_keys", "form-metadata-keys"),
    ("structured_data", "form-structured-data"),
    ("message", "form-message"),
    ("bom", "form-bom"),
    ("filter", "form-filter"),
    ("status", "form-status"),
    ("source", "form-source"),
    ("query", "form-query"),
    ("rate_limit", "form-rate-limit"),
];

/// The field of the form for the path of a field in the API.
fn field_of(path: &str) -> Option<&'static str> {
    let name = match path {
        "tls" => "transport",
        path if path.starts_with("filter.status") => "status",
        path if path.starts_with("filter.source") => "source",
        "filter.query" => "query",
        path if path.starts_with("filter.") => "filter",
        path => path.rsplit('.').next().unwrap_or(path),
    };
    FIELDS.iter().map(|(field, _)| *field).find(|field| *field == name)
}

/// All of them, in the reader's language. What is no mistake in a form is given back.
pub(super) fn told(words: Words, mistakes: Vec<Error>) -> Result<FormErrors, Error> {
    let mut errors = FormErrors::none();
    for mistake in mistakes {
        if matches!(mistake.kind, Kind::Internal | Kind::Unavailable | Kind::NotFound | Kind::Forbidden) {
            return Err(mistake);
        }
        let text = text(words, &mistake);
        match mistake.field.as_deref().and_then(field_of) {
            Some(field) => errors = errors.and(field, text),
            None => errors.general.push(text),
        }
    }
    Ok(errors)
}

/// The form's own words where the engine speaks of an API's fields, else what the code means.
pub(super) fn text(words: Words, mistake: &Error) -> String {
    let field = mistake.field.as_deref().unwrap_or_default();
    let own = match (mistake.code, field) {
        ("invalid_name", _) => Some("form-wrong-name"),
        ("name_taken", _) => Some("form-wrong-name-taken"),
        ("invalid_filter", "filter.status.values" | "filter.source.values") => Some("form-wrong-values"),
        ("verify_off_unconfirmed", _) => Some("form-wrong-unconfirmed"),
        ("pem_expected", _) => Some("form-wrong-pem-expected"),
        ("idempotency_key_reused", _) => Some("form-wrong-sent-before"),
        ("needs_mapping_2", _) => Some("form-wrong-needs-mapping-2"),
        ("missing_field", "filter.query") => Some("form-wrong-no-query"),
        ("missing_field" | "invalid_type", _) => Some("form-wrong-missing"),
        _ => None,
    };
    match own {
        Some(key) => words.t(key),
        None => sentence(&explained(words, mistake.code, &mistake.detail).0),
    }
}

/// `'max_bytes' must be a number` names the field as programs know it; under the field nobody needs that.
fn sentence(detail: &str) -> String {
    let bare = detail.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
    let bare = bare.map_or(detail, |(_, rest)| rest.trim_start_matches(':').trim_start());
    let mut letters = bare.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let end = if bare.ends_with(['.', '?', '!']) { "" } else { "." };
    first + letters.as_str() + end
}

#[cfg(test)]
mod tests {
    use auditwire_engine::connections::ConnectionInput;
    use serde_json::json;

    use super::*;
    use crate::console::words::Language;

    #[test]
    fn every_path_of_the_api_leads_to_its_field() {
        let cases = [
            ("name", "name"),
            ("tls", "transport"),
            ("tls.pem", "pem"),
            ("tls.server_name", "server_name"),
            ("options.facility", "facility"),
            ("options.overlap_bytes", "overlap_bytes"),
            ("options.overlap_seconds", "overlap_seconds"),
            ("options.heartbeat_seconds", "heartbeat_seconds"),
            ("options.order", "order"),
            ("receiver", "receiver"),
            ("options.mapping", "mapping"),
            ("options.metadata_keys", "metadata_keys"),
            ("options.message", "message"),
            ("filter.kind", "filter"),
            ("filter.status.values", "status"),
            ("filter.source.mode", "source"),
            ("filter.query", "query"),
            ("rate_limit", "rate_limit"),
        ];
        for (path, field) in cases {
            assert_eq!(field_of(path), Some(field), "{path}");
        }
        assert_eq!(field_of("color"), None);
    }

    #[test]
    fn a_mistake_is_told_in_the_readers_words() {
        let wrong = |code, field, detail: &str| text(Words(Language::English), &Error::invalid(code, field, detail));
        let detail = "'max_bytes' must be a whole number from 480 to 65507";
        assert_eq!(
            wrong("invalid_max_bytes", "options.max_bytes", detail),
            "Must be a whole number from 480 to 65507."
        );
        let endpoint = wrong("invalid_endpoint", "endpoint", "'endpoint': the port is missing; write 'host:port'");
        assert_eq!(endpoint, "The port is missing; write 'host:port'.");
        let pem = wrong("pem_empty", "tls.pem", "No PEM block was found.");
        assert_eq!(pem, "No PEM block was found.");
    }

    /// What the engine says of wrong fields, with its codes.
    fn refused(body: &serde_json::Value) -> Vec<Error> {
        ConnectionInput::from_json_all(body.to_string().as_bytes()).expect_err("is wrong")
    }

    #[test]
    fn a_russian_reader_reads_russian_with_the_same_numbers() {
        let digits = |text: &str| -> Vec<String> {
            let text = text.replace(['\u{a0}', ' '], "");
            text.split(|c: char| !c.is_ascii_digit()).filter(|n| n.len() > 1).map(str::to_owned).collect()
        };
        let options = json!({"facility": 24, "hostname": "", "app_name": "", "max_bytes": 1, "cef_envelope": "x",
                             "pen": 0, "overlap_bytes": 1, "overlap_seconds": 0, "heartbeat_seconds": 1, "order": "x", "mapping": 3, "leef_cat": "x",
                             "structured_data": "x", "message": "x", "metadata_keys": ["x"]});
        let filter = json!({"kind": "general", "status": {"mode": "only"}, "source": {"mode": "x"}});
        let mut wrong = Vec::new();
        for transport in ["tcp", "udp"] {
            wrong.extend(refused(&json!({"name": "", "endpoint": "x", "transport": transport, "format": "x",
                                         "framing": "x", "options": options, "filter": filter, "rate_limit": 0})));
        }
        wrong.extend(refused(&json!({"name": "a", "endpoint": "a:1", "receiver": "x",
                                     "options": {"mapping": 1, "leef_cat": "source"}})));
        let same = ["resource.metadata.a_b", "resource.metadata.aB"];
        wrong.extend(refused(&json!({"name": "a", "endpoint": "a:1", "options": {"metadata_keys": same}})));
        let tls = json!({"server_name": "a b", "verify": "x", "fingerprint": "x", "min_version": "x"});
        wrong.extend(refused(&json!({"name": "a", "endpoint": "a:1", "transport": "tls", "tls": tls})));
        wrong.extend(refused(&json!({"transport": "x", "tls": {"verify": "fingerprint"}})));
        for mistake in wrong {
            let told = text(Words(Language::Russian), &mistake);
            assert!(told.chars().any(|c| ('а'..='я').contains(&c)), "{mistake}: {told}");
            if mistake.detail.contains("whole number") {
                let numbers = digits(&told);
                assert!(digits(&mistake.detail).iter().all(|n| numbers.contains(n)), "{mistake}: {told}");
            }
        }
    }

    #[test]
    fn every_code_of_a_pem_and_of_saving_has_a_russian_text() {
        let pem = [
            "too_large",
            "empty",
            "damaged",
            "key_encrypted",
            "several_keys",
            "public_key",
            "unsupported",
            "key_unsupported",
        ];
        let pem = pem.map(|code| format!("pem_{code}"));
        let saving =
            ["key_mismatch", "name_taken", "too_many_connections", "stale", "not_available_yet", "tls_not_allowed"];
        for code in pem.iter().map(String::as_str).chain(saving) {
            assert!(Words(Language::Russian).find(&format!("error-{code}")).is_some(), "{code}");
        }
    }
}

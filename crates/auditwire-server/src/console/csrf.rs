//! Proof that a form was sent from a page of ours: a token in the form, made from the visitor's cookie, and what the browser
//! says about where the request comes from. Either of the two suffices against other sites; both are asked for.

use auditwire_engine::secrets::{Secret, sha256_hex};
use axum::http::{HeaderMap, StatusCode, header};

use super::cookies::hex;
use crate::api::Problem;
use crate::client::Authority;

/// The form's field.
pub(crate) const FIELD: &str = "csrf";
const BYTES: usize = 16;

/// A token for this cookie. Different every time (masked), so that compressed pages do not give it away.
pub(crate) fn token(cookie: &str) -> String {
    let Ok(pad) = Secret::random(BYTES) else { return String::new() };
    let masked: Vec<u8> = pad.expose().iter().zip(key(cookie)).map(|(a, b)| a ^ b).collect();
    hex(pad.expose()) + &hex(&masked)
}

/// Whether the token was made for this cookie.
pub(crate) fn matches(cookie: &str, token: &str) -> bool {
    let byte = |i: usize| token.get(i * 2..i * 2 + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    if cookie.is_empty() || token.len() != BYTES * 4 {
        return false;
    }
    let key = key(cookie);
    // Every byte is compared, whatever the ones before it were.
    (0..BYTES).zip(key).fold(0, |wrong, (i, key)| match (byte(i), byte(i + BYTES)) {
        (Some(pad), Some(masked)) => wrong | (pad ^ masked ^ key),
        _ => 0xff,
    }) == 0
}

fn key(cookie: &str) -> [u8; BYTES] {
    let digest = sha256_hex(format!("auditwire csrf\0{cookie}").as_bytes());
    let mut key = [0; BYTES];
    for (i, byte) in key.iter_mut().enumerate() {
        *byte = digest.get(i * 2..i * 2 + 2).and_then(|two| u8::from_str_radix(two, 16).ok()).unwrap_or_default();
    }
    key
}

/// Refuses what a browser says comes from another site. `called_by` is the name that we are called by.
pub(crate) fn check_origin(headers: &HeaderMap, called_by: Option<&Authority>) -> Result<(), Problem> {
    let text = |name| headers.get(name).and_then(|v: &axum::http::HeaderValue| v.to_str().ok());
    let ours = match text("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => match text(header::ORIGIN.as_str()) {
            Some(origin) => {
                let from = origin.split_once("://").and_then(|(_, of)| of.parse::<Authority>().ok());
                from.is_some() && from.as_ref() == called_by
            }
            // No browser of the last years leaves out both; the token decides.
            None => true,
        },
    };
    if ours { Ok(()) } else { Err(refused()) }
}

pub(crate) fn refused() -> Problem {
    let detail = "the form did not come from a page of this service, or the page is too old; open it again and repeat";
    Problem::new(StatusCode::FORBIDDEN, "form_refused", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_its_cookie_only() {
        let (one, two) = (token("cookie"), token("cookie"));
        assert_ne!(one, two);
        assert!(matches("cookie", &one) && matches("cookie", &two));
        assert!(!matches("other", &one) && !matches("", &token("")));
        let mut broken = one.clone();
        broken.replace_range(0..2, if one.starts_with("00") { "01" } else { "00" });
        for wrong in ["", "00", &one[1..], &broken, &"é".repeat(32), &"+1".repeat(32)] {
            assert!(!matches("cookie", wrong), "{wrong}");
        }
    }

    #[test]
    fn where_a_form_may_come_from() {
        let allowed = |pairs: &[(&'static str, &'static str)]| {
            let headers =
                pairs.iter().map(|(n, v)| (n.parse().expect("a name"), v.parse().expect("a value"))).collect();
            check_origin(&headers, "audit.example.com".parse().ok().as_ref()).is_ok()
        };
        assert!(allowed(&[("sec-fetch-site", "same-origin")]));
        assert!(allowed(&[("origin", "https://audit.example.com")]));
        assert!(allowed(&[]));
        for site in ["cross-site", "same-site", "none"] {
            assert!(!allowed(&[("sec-fetch-site", site), ("origin", "https://audit.example.com")]), "{site}");
        }
        for origin in ["https://audit.example.com.evil.example", "null", "https://audit.example.com:1", ""] {
            assert!(!allowed(&[("origin", origin)]), "{origin}");
        }
    }
}

//! What a change to the active connection means: whether its events would go elsewhere or be others, which takes the right to
//! read them, and whether it makes this process connect to an address that a tenant chose, which counts as a check.

use auditwire_model::connection::ConnectionSpec;

use super::input::PemInput;

/// Whether the change touches what is sent or where it is sent. Everything does but the fields named here.
pub(super) fn redirects(old: &ConnectionSpec, new: &ConnectionSpec, pem: &PemInput) -> bool {
    let (name, receiver, rate_limit) = (old.name.clone(), old.receiver, old.rate_limit);
    let as_before = ConnectionSpec { name, receiver, rate_limit, ..new.clone() };
    as_before != *old || matches!(pem, PemInput::Replace(_))
}

/// Whether the next link is another one than the present: to another address, or greeted in another way.
pub(super) fn reaches_out(old: &ConnectionSpec, new: &ConnectionSpec, pem: &PemInput) -> bool {
    (&old.endpoint, old.transport, &old.tls) != (&new.endpoint, new.transport, &new.tls)
        || matches!(pem, PemInput::Replace(_))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::connections::ConnectionInput;
    use crate::secrets::Secret;

    fn spec(changes: &Value) -> ConnectionSpec {
        let mut body = json!({"name": "main", "endpoint": "siem.example:514", "transport": "tls"});
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        ConnectionInput::from_json(&serde_json::to_vec(&body).unwrap()).unwrap().into_parts(None).unwrap().0
    }

    /// Every field of a connection, and whether a change to it redirects and reaches out.
    #[test]
    fn every_field_is_judged() {
        let none = PemInput::Keep;
        let old = spec(&json!({}));
        let fields = [
            (json!({"name": "other"}), false, false),
            (json!({"rate_limit": 10}), false, false),
            // Alone it changes nothing: what it wants of the other fields is judged with them.
            (json!({"receiver": "other"}), false, false),
            (json!({"receiver": "qradar"}), true, false),
            (json!({"options": {"mapping": 1}}), true, false),
            (json!({"endpoint": "evil.example:514"}), true, true),
            (json!({"endpoint": "siem.example:515"}), true, true),
            (json!({"transport": "tcp"}), true, true),
            (json!({"tls": {"server_name": "evil.example"}}), true, true),
            (json!({"tls": {"verify": "off"}}), true, true),
            (json!({"format": "cef"}), true, false),
            (json!({"framing": "lf"}), true, false),
            (json!({"options": {"heartbeat_seconds": 60}}), true, false),
            (json!({"options": {"overlap_bytes": 8_388_608}}), true, false),
            (json!({"filter": {"kind": "query", "query": "outcome = failure"}}), true, false),
        ];
        let known: Vec<String> = serde_json::to_value(&old).unwrap().as_object().unwrap().keys().cloned().collect();
        for field in &known {
            assert!(fields.iter().any(|(change, ..)| change.get(field).is_some()), "{field} is not judged here");
        }
        for (change, redirected, reached) in fields {
            let new = spec(&change);
            assert_eq!(
                (redirects(&old, &new, &none), reaches_out(&old, &new, &none)),
                (redirected, reached),
                "{change}"
            );
        }
        let pem = PemInput::Replace(Secret::new(b"another authority".to_vec()));
        assert!(redirects(&old, &old, &pem) && reaches_out(&old, &old, &pem));
    }
}

//! The committed OpenAPI document is what the code says.

use std::path::Path;

use serde_json::Value;

#[test]
fn the_committed_document_is_the_served_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let served = auditwire_server::api::openapi();
    if committed != served {
        std::fs::write(&path, &served).expect("writes the new document");
        panic!("docs/openapi.json was out of date; it is written anew: look at the difference and commit it");
    }
}

#[test]
fn every_operation_says_what_it_is_for_and_what_is_not_served_is_absent() {
    let document: Value = serde_json::from_str(&auditwire_server::api::openapi()).expect("is JSON");
    let paths = document["paths"].as_object().expect("has paths");
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("an item is an object") {
            for wanted in ["summary", "operationId", "responses", "tags"] {
                assert!(operation.get(wanted).is_some(), "{method} {path} has no {wanted}");
            }
        }
    }
    assert!(!paths.keys().any(|path| path.contains("members")), "members are not served");
}

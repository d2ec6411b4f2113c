//! JSON messages: the canonical bytes and the delivery number, read back by serde_json and by our own reader.

use proptest::prelude::*;

use super::any::hostile;
use super::raw::canonical;
use super::{message, renderer, roomy, with_view};
use crate::connection::Format;
use crate::wire::read_json;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_event_is_its_canonical_bytes_with_the_number(draft in hostile(), n: u64) {
        with_view(draft, |event| {
            let (text, rendered) = message(&renderer(Format::Json, roomy()), event, n).unwrap();
            assert!(!rendered.truncated);
            assert_eq!(text.replace(&format!(",\"n\":{n}}}"), "}"), canonical(event));
            let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["n"].as_u64(), Some(n));
            value.as_object_mut().unwrap().remove("n");
            assert_eq!(value, serde_json::from_str::<serde_json::Value>(&canonical(event)).unwrap());

            let read = read_json::parse(&text).unwrap_or_else(|p| panic!("{p}: {text:?}"));
            assert_eq!((read.event_id.as_str(), read.seq, read.n), (event.event_id, Some(1), n));
            assert_eq!((read.action.as_str(), read.message.as_deref()), (event.action, event.message));
            assert!(read.labels.iter().map(String::as_str).eq(event.labels.iter()));
            assert!(read.subject.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())).eq(event.subject_metadata.iter()));
            assert!(read.resource.metadata.iter().map(|(k, v)| (k.as_str(), v.as_str())).eq(event.resource_metadata.iter()));
        });
    }
}

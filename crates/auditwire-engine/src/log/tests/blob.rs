//! Blobs: what was encoded comes back, old ones open for ever, damage is told.

use auditwire_model::event::{BatchBuilder, columns};
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::log::blob::{BlobError, Encoder, decode};
use crate::store::GroupId;

/// Written by the first version of the format; never to be written again.
const GOLDEN: &[u8] = include_bytes!("golden-blob-v1.bin");

fn golden_events() -> Vec<Event> {
    let full = EventDraft {
        event_id: Some("6f1c".to_owned()),
        action: "create-vm".to_owned(),
        request_id: Some("req-1".to_owned()),
        severity: auditwire_model::Severity::Warning,
        message: Some("Создана машина 🚀".to_owned()),
        source_id: Some("nova".to_owned()),
        source_address: Some("2001:db8::1".to_owned()),
        subject_user_id: Some("u-1".to_owned()),
        subject_metadata: [("email", "a@example.org"), ("name", "")].into(),
        resource_id: Some("vm-1".to_owned()),
        resource_type: Some("server".to_owned()),
        status_code: Some("403".to_owned()),
        labels: vec!["one".to_owned(), "two".to_owned()],
        ..EventDraft::default()
    };
    vec![full.complete(String::new, Plane::Data, time(1_700_000_000_123_456_789), [7; 16]), event("plain", 1, 5)]
}

fn batch(events: &[Event]) -> arrow_array::RecordBatch {
    let mut builder = BatchBuilder::default();
    for (n, event) in (1..).zip(events) {
        builder.push(Position(n), event);
    }
    builder.finish().unwrap()
}

#[test]
fn a_blob_of_version_1_opens_for_ever() {
    let expected = batch(&golden_events());
    if std::env::var_os("AUDITWIRE_WRITE_GOLDEN").is_some() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/log/tests/golden-blob-v1.bin");
        std::fs::write(path, Encoder::default().encode(&expected).unwrap()).unwrap();
    }
    let blob = Bytes::from_static(GOLDEN);
    assert_eq!(decode(&blob, None).unwrap(), expected);
    let some = decode(&blob, Some(&[columns::SEQ, columns::EVENT_ID])).unwrap();
    assert_eq!(some, expected.project(&[columns::SEQ, columns::EVENT_ID]).unwrap());
}

#[test]
fn a_single_event_is_small_and_a_newer_version_is_named() {
    let blob = Encoder::default().encode(&batch(&golden_events()[1..])).unwrap();
    assert!(blob.len() < 3000, "{} bytes for one event", blob.len());
    let mut newer = blob.to_vec();
    newer[0] = 2;
    assert!(matches!(decode(&Bytes::from(newer), None), Err(BlobError::Version(2))));
}

#[test]
fn an_encoder_is_used_again() {
    let mut encoder = Encoder::default();
    for count in [200, 1, 100, 255, 0, 200] {
        let events: Vec<Event> = (0..count).map(|n| event(&format!("id-{n}"), n, 5)).collect();
        let expected = batch(&events);
        let blob = encoder.encode(&expected).unwrap();
        assert_eq!(decode(&blob, None).unwrap(), expected);
        assert_eq!(blob, Encoder::default().encode(&expected).unwrap());
    }
}

proptest! {
    #[test]
    fn damaged_bytes_are_an_error_never_a_panic(
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
        cut in prop::option::of(any::<prop::sample::Index>()),
        resealed in any::<bool>(),
    ) {
        let mut bytes = Encoder::default().encode(&batch(&golden_events())).unwrap().to_vec();
        let at = at.index(bytes.len());
        let changed = bytes[at] != value;
        bytes[at] = value;
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()).max(16));
        }
        if resealed {
            // Damage that the checksum does not show: still no panic, and what comes out is a valid batch.
            let checksum = crc32fast::hash(&bytes[8..]);
            bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
            if let Ok(batch) = decode(&Bytes::from(bytes), None) {
                batch.columns().iter().for_each(|column| column.to_data().validate_full().unwrap());
            }
        } else if changed && !(2..4).contains(&at) {
            prop_assert!(decode(&Bytes::from(bytes), None).is_err());
        }
    }
}

#[tokio::test]
async fn a_damaged_group_is_named_and_the_rest_stays_readable() {
    let store = Arc::new(MemoryStore::default());
    let log = open(&store, tiny()).await;
    for n in 0..3 {
        positions(&log, &project(0), vec![event(&format!("id-{n}"), 1, n)]).await;
    }
    let store = Arc::new(store.crash());
    store.damage(GroupId(2), |bytes| bytes[500] ^= 1);
    let log = open(&store, tiny()).await;
    let error = log.event(&project(0), Position(2)).await.unwrap_err();
    assert_eq!(error.code, "damaged");
    assert!(error.detail.contains("group 2"), "{error}");
    assert!(log.event(&project(0), Position(1)).await.unwrap().is_some());
    assert_eq!(read(&log, Scan { from: Position(3), ..whole(&project(0)) }).await.len(), 1);
}

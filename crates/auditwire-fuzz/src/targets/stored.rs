//! Stored bytes. Checksums are made right first: what a bad disk changes they tell; what a wrong writer wrote must be told as
//! well.

use auditwire_engine::log::foreign;
use auditwire_engine::records::{self, Document};
use auditwire_engine::store::{Record, RecordKey, RecordKind};
use bytes::Bytes;

/// The first byte chooses the document.
pub(crate) fn records(bytes: &[u8]) {
    let [which, value @ ..] = bytes else { return };
    let all: &[fn(&[u8])] = &[
        document::<records::InstanceRecord>,
        document::<records::ProjectRecord>,
        document::<records::TokenRecord>,
        document::<records::ConnectionRecord>,
        document::<records::ConnectionNameRecord>,
        document::<records::SecretRecord>,
        document::<records::ActiveConnectionRecord>,
        document::<records::CursorRecord>,
        document::<records::CheckResultRecord>,
        document::<records::IdempotencyRecord>,
        document::<records::QuarantineRecord>,
        document::<records::QuarantineDroppedRecord>,
        document::<records::AlertRecord>,
        document::<records::FreshRecord>,
        document::<records::AccountRecord>,
        document::<records::AccountNameRecord>,
        document::<records::SessionRecord>,
        document::<records::SignInLinkRecord>,
        document::<records::ReplayRecord>,
        document::<records::ExpiredRecord>,
        document::<records::RetentionRecord>,
        document::<records::DeliveryStepRecord>,
        document::<records::WebhookRecord>,
        document::<records::WebhookCallRecord>,
        document::<records::LastCallRecord>,
        document::<records::TokenTreeRecord>,
        document::<records::TokenSecretRecord>,
        document::<records::TokenUseRecord>,
        document::<records::RetiringRecord>,
    ];
    all[usize::from(*which) % all.len()](value);
}

/// What is read is written as something that reads the same.
fn document<D: Document + PartialEq + std::fmt::Debug>(value: &[u8]) {
    let stored = |value| Record { key: RecordKey::global(RecordKind::Instance, "x"), version: 1, value };
    if let Ok(read) = D::decode(&stored(value.to_vec())) {
        let written = read.encode().expect("a document is written");
        let again = D::decode(&stored(written)).expect("what we wrote is read");
        assert_eq!(again, read);
    }
}

pub(crate) fn group(bytes: &[u8]) {
    let mut blob = bytes.to_vec();
    sound(&mut blob);
    if let Ok(batch) = foreign::read_group(&Bytes::from(blob)) {
        let written = foreign::write_group(&batch).expect("a batch is written");
        assert_eq!(foreign::read_group(&written), Ok(batch));
    }
}

/// Groups and id runs begin alike: 4 bytes, the CRC-32 of all that follows it.
fn sound(bytes: &mut [u8]) {
    if let Some((head, rest)) = bytes.split_at_mut_checked(8) {
        head[4..].copy_from_slice(&crc32fast::hash(rest).to_le_bytes());
    }
}

pub(crate) fn segment(bytes: &[u8]) {
    let mut file = bytes.to_vec();
    foreign::sound_end(&mut file);
    let file = Bytes::from(file);
    let as_it_is = foreign::read_segment(&file, false);
    let sound = foreign::read_segment(&file, true);
    assert!(as_it_is.is_err() || as_it_is == sound, "right checksums made right say something else");
}

/// The first byte is the version, the others are what is compressed.
pub(crate) fn summary(bytes: &[u8]) {
    let [version, body @ ..] = bytes else { return };
    let mut packed = vec![*version];
    packed.extend(zstd::bulk::compress(body, 1).expect("zstd compresses"));
    if let Ok(rows) = foreign::read_summary(&packed) {
        // A count takes 22 bytes.
        assert!(rows <= 2 * body.len() / 22, "{rows} counts of {} bytes", body.len());
    }
    // And as it is, for the bytes that are not zstd's.
    let _ = foreign::read_summary(bytes);
}

/// The first 8 bytes are the hash that is looked up.
pub(crate) fn id_run(bytes: &[u8]) {
    let Some((hash, rest)) = bytes.split_first_chunk::<8>() else { return };
    let hash = u64::from_le_bytes(*hash);
    let mut stored = rest.to_vec();
    sound(&mut stored);
    let stored = Bytes::from(stored);
    if let Ok((found, entries)) = foreign::read_id_part(&stored, hash)
        && entries.is_sorted()
    {
        let expected: Vec<u64> = entries.iter().filter(|entry| entry.0 == hash).map(|entry| entry.1).collect();
        assert_eq!(found, expected, "what is there is not found");
    }
    let _ = foreign::read_id_filter(&stored, hash);
}

//! `externalId`, in both mappings.

use uuid::Uuid;

use crate::wire::keyed::{Key, Slot, Writer};

/// Characters, by the dictionary.
const CHARS: usize = 40;

const EXTERNAL_ID: Key = Key::plain(" externalId=", CHARS);
const FULL_ID: Key = Key::plain(" AuditwireCloudAuditEventId=", 4000);

/// An id that is too long is represented by the UUIDv5 of its bytes in the URL namespace, which anyone can recompute, and goes whole
/// under a key of our own.
pub(super) fn write(id: &str, w: &mut Writer<'_, '_>) {
    if id.len() <= CHARS || id.chars().count() <= CHARS {
        w.text(Slot::ExternalId, EXTERNAL_ID, Some(id));
        return;
    }
    let hash = Uuid::new_v5(&Uuid::NAMESPACE_URL, id.as_bytes());
    let mut text = [0u8; uuid::fmt::Hyphenated::LENGTH];
    w.text(Slot::ExternalId, EXTERNAL_ID, Some(hash.hyphenated().encode_lower(&mut text)));
    w.text(Slot::FullId, FULL_ID, Some(id));
}

//! Whether bytes are a document of their kind: for whoever takes stock of a damaged store. A record has no checksum, and one
//! that cannot be read may keep the service from starting.

use super::*;

/// False when no version of this program wrote such bytes under this number ([`crate::store::RecordKind`]). Of a number that
/// is not known nothing is said.
#[must_use]
pub fn is_readable(kind: u8, value: &[u8]) -> bool {
    fn is<T: Document>(value: &[u8]) -> bool {
        serde_json::from_slice::<T>(value).is_ok()
    }
    let reads: fn(&[u8]) -> bool = match kind {
        1 => is::<InstanceRecord>,
        2 => is::<ProjectRecord>,
        3 => is::<TokenRecord>,
        4 => is::<ConnectionRecord>,
        5 => is::<ConnectionNameRecord>,
        6 => is::<SecretRecord>,
        7 => is::<ActiveConnectionRecord>,
        8 => is::<CursorRecord>,
        9 => is::<CheckResultRecord>,
        10 => is::<IdempotencyRecord>,
        11 => is::<QuarantineRecord>,
        12 => is::<AccountRecord>,
        13 => is::<SessionRecord>,
        14 => is::<SignInLinkRecord>,
        15 => is::<AccountNameRecord>,
        16 => is::<RetentionRecord>,
        17 => is::<ExpiredRecord>,
        18 => is::<ReplayRecord>,
        19 => is::<QuarantineDroppedRecord>,
        20 => is::<AlertRecord>,
        22 => is::<DeliveryStepRecord>,
        23 => is::<WebhookRecord>,
        24 => is::<WebhookCallRecord>,
        25 => is::<LastCallRecord>,
        30 => is::<FreshRecord>,
        40 => is::<UsageRecord>,
        50 => is::<TokenTreeRecord>,
        51 => is::<TokenSecretRecord>,
        52 => is::<TokenUseRecord>,
        53 => is::<RetiringRecord>,
        60 => is::<ReadingRecord>,
        70 => is::<ExpiryClockRecord>,
        71 => is::<CorrectionRecord>,
        _ => |_| true,
    };
    reads(value)
}

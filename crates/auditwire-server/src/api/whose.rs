//! What a cursor belongs to: positions are counted in each project anew, so a cursor of one says nothing in another.

use super::problem::Problem;

/// A hash of the names that a cursor belongs to, such as its project's. FNV-1a, 64 bits, because it must stay the same in all
/// versions. It guards against mistakes, not against anyone: a forged cursor shows nothing that the caller may not see.
pub(super) fn whose<'a>(names: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for name in names {
        // 0xff ends a name and is no byte of UTF-8.
        for byte in name.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

/// `invalid_cursor`, for one that belongs to another `what`.
pub(super) fn elsewhere(what: &str) -> Problem {
    let detail = format!(
        "this cursor belongs to another {what}, whose positions are not this one's; begin again without a cursor"
    );
    Problem::bad_request("invalid_cursor", detail).in_field("cursor")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stands in cursors that clients hold.
    #[test]
    fn golden() {
        assert_eq!(whose(["default"]), 0x98d4_8645_e9ae_c0b3);
        assert_ne!(whose(["a", "b"]), whose(["ab", ""]));
    }
}

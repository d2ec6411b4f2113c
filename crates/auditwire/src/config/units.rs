//! Sizes and times as people write them.

use std::time::Duration;

/// `"4 MiB"`, `"4096"`: bytes or a plain count. Binary units only: a kilobyte is nobody's page size.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let wrong = || "write a whole number, or a size such as \"64 MiB\" (units KiB, MiB, GiB)".to_owned();
    let (number, unit) = split(text);
    let factor: u64 = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).ok_or_else(wrong)
}

/// `"24 h"`: seconds, minutes, hours or days.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a time such as \"24 h\" (units s, m, h, d)".to_owned();
    let (number, unit) = split(text);
    let factor: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).map(Duration::from_secs).ok_or_else(wrong)
}

fn split(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(|b| b.is_ascii_digit()).count();
    let (number, unit) = text.split_at(digits);
    (number, unit.trim())
}

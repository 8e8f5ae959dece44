//! Frames of common values, found at once.

use super::{FrameBounds, MAX_DEPTH, width};
use crate::wire::headers::UNTRACED;

/// Returns the bounds of a complete frame without unusual values. This is the fast path for most frames, in half the time;
/// the scanner handles all others.
#[inline]
pub(super) fn common_frame(seen: &[u8]) -> Option<FrameBounds> {
    let marker @ (0x93 | 0x94) = *seen.first()? else { return None };
    let (channel, at) = common_id(seen, 1)?;
    let (kind, args) = common_id(seen, at)?;
    let end = common_array(seen, args)?;
    let untraced = marker == 0x94 && seen.get(end..).is_some_and(|rest| rest.starts_with(UNTRACED));
    let len = match marker {
        0x93 => end,
        _ if untraced => end + UNTRACED.len(),
        _ => common_array(seen, end)?,
    };
    let headers = (marker == 0x94 && !untraced).then_some(end..len);
    (len <= seen.len()).then_some(FrameBounds { len, args: args..end, headers, channel, kind })
}

#[inline]
fn common_id(seen: &[u8], at: usize) -> Option<(u64, usize)> {
    let digits = seen.get(at + 1..)?;
    Some(match *seen.get(at)? {
        id @ ..0x80 => (u64::from(id), at + 1),
        0xcc => (u64::from(*digits.first()?), at + 2),
        0xcd => (u64::from(u16::from_be_bytes(*digits.first_chunk()?)), at + 3),
        0xce => (u64::from(u32::from_be_bytes(*digits.first_chunk()?)), at + 5),
        _ => return None,
    })
}

/// Returns the end of an array that contains only scalars, raws of up to 64 KiB and short arrays.
#[inline]
fn common_array(seen: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut left, mut arrays) = (start, 1, 0);
    while left > 0 {
        let marker = *seen.get(at)?;
        left -= 1;
        if let Some(width) = width(marker) {
            at += width;
        } else if marker & 0xf0 == 0x90 {
            at += 1;
            left += usize::from(marker & 0x0f);
            arrays += 1;
        } else if marker == 0xda {
            at += 3 + usize::from(u16::from_be_bytes(*seen.get(at + 1..)?.first_chunk()?));
        } else {
            return None;
        }
    }
    // So few arrays cannot be nested too deep. The first value must be an array.
    (arrays < MAX_DEPTH && seen[start] & 0xf0 == 0x90).then_some(at)
}

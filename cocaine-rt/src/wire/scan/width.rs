//! The lengths of values by their markers.

/// The length of a value by its marker; 0 for containers, long raws, and invalid markers.
const WIDTHS: [u8; 256] = widths();

const fn widths() -> [u8; 256] {
    let mut widths = [0; 256];
    let mut marker = 0;
    while marker < 256 {
        widths[marker] = match marker {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => 1,
            0xa0..=0xbf => marker.to_le_bytes()[0] - 0xa0 + 1,
            0xcc | 0xd0 => 2,
            0xcd | 0xd1 => 3,
            0xca | 0xce | 0xd2 => 5,
            0xcb | 0xcf | 0xd3 => 9,
            _ => 0,
        };
        marker += 1;
    }
    widths
}

/// Returns the length of a value that starts with `marker`, or `None` if it depends on further bytes.
#[inline]
pub(crate) fn width(marker: u8) -> Option<usize> {
    match WIDTHS[usize::from(marker)] {
        0 => None,
        width => Some(usize::from(width)),
    }
}

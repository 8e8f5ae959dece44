//! Finds the end of a frame in what was received so far (`protocol.md` 1).

use std::ops::Range;

use crate::wire::headers::UNTRACED;

/// Containers that may be open at once, the frame and its arguments counted (`protocol.md` 1).
pub(crate) const DEPTH: usize = 32;

/// Where a frame and its parts lie, counted from its first byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FrameBounds {
    /// The length of the whole frame.
    pub(crate) len: usize,
    /// The array of arguments.
    pub(crate) args: Range<usize>,
    /// The array of headers, which is the fourth element; none if they are [`UNTRACED`].
    pub(crate) headers: Option<Range<usize>>,
    /// The first element.
    pub(crate) channel: u64,
    /// The second element.
    pub(crate) kind: u64,
}

/// The rule that a frame broke. Nothing after it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScanError {
    /// A byte that starts no value of the dialect: `c1` or an ext; `[6,4]`.
    #[error("not MessagePack: byte {0:#04x} starts no value")]
    Parse(u8),
    /// Something else than `[channel, type, args, headers?, ..]`; `[6,1]`.
    #[error("not a frame: {0}")]
    Shape(&'static str),
    /// The frame is longer than the limit, or says that it will be.
    #[error("a frame of more than {0} bytes")]
    TooLarge(usize),
    /// More than 32 open containers.
    #[error("a frame nested deeper than {DEPTH} levels")]
    TooDeep,
}

/// Scans one frame after the other, and goes on where it stopped when more bytes have come.
///
/// A frame whose arguments are longer than the limit can be skipped ([`Scanner::skip_args`]): its arguments are scanned and
/// not kept, and what is before and after them is.
#[derive(Debug)]
pub(crate) struct Scanner {
    limit: usize,
    /// The arguments of the frame are skipped, and their end has not come.
    is_skipping: bool,
    /// How many bytes of the frame were skipped, and of the frame that was found last.
    skipped: usize,
    last_skipped: usize,
    /// How many bytes the frame has at least, as its heads say.
    announced: usize,
    /// Where the next value starts; may lie beyond what was received.
    at: usize,
    /// Elements of the frame, 0 before its first byte was seen.
    elements: u64,
    /// Elements of the frame that have started.
    started: u64,
    /// Containers that are open within the current element of the frame.
    open: usize,
    /// How many values each open container still lacks.
    left: [u64; DEPTH],
    bounds: FrameBounds,
}

/// The head of a value that takes more than a look at its marker.
enum Head {
    /// Where the value ends.
    Raw(usize),
    /// Where its first element starts, and how many values it holds.
    List(usize, u64),
    Map(usize, u64),
}

/// The length of a value that its marker tells; 0 for containers, long raws, and what is no value.
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

/// Returns the length of a value whose first byte is `marker`, or `None` if more than that byte decides.
#[inline]
pub(crate) fn width(marker: u8) -> Option<usize> {
    match WIDTHS[usize::from(marker)] {
        0 => None,
        width => Some(usize::from(width)),
    }
}

/// Returns the parts of a frame that is all there and has nothing unusual in it. What this leaves, the scanner
/// looks at with care: this is most of the frames at half of the time.
#[inline]
fn common_frame(seen: &[u8]) -> Option<FrameBounds> {
    let marker @ (0x93 | 0x94) = *seen.first()? else { return None };
    let (channel, at) = common_id(seen, 1)?;
    let (kind, args) = common_id(seen, at)?;
    let end = common_list(seen, args)?;
    let untraced = marker == 0x94 && seen.get(end..).is_some_and(|rest| rest.starts_with(UNTRACED));
    let len = match marker {
        0x93 => end,
        _ if untraced => end + UNTRACED.len(),
        _ => common_list(seen, end)?,
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

/// Returns where a list ends in which there are only scalars, raws of up to 64 KiB and short lists.
#[inline]
fn common_list(seen: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut left, mut lists) = (start, 1, 0);
    while left > 0 {
        let marker = *seen.get(at)?;
        left -= 1;
        if let Some(width) = width(marker) {
            at += width;
        } else if marker & 0xf0 == 0x90 {
            at += 1;
            left += usize::from(marker & 0x0f);
            lists += 1;
        } else if marker == 0xda {
            at += 3 + usize::from(u16::from_be_bytes(*seen.get(at + 1..)?.first_chunk()?));
        } else {
            return None;
        }
    }
    // So few lists are not too deep, however they are nested. The first value must be one.
    (lists < DEPTH && seen[start] & 0xf0 == 0x90).then_some(at)
}

impl Scanner {
    /// Returns a scanner that refuses frames of more than `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        let bounds = FrameBounds { len: 0, args: 0..0, headers: None, channel: 0, kind: 0 };
        Self {
            limit,
            is_skipping: false,
            skipped: 0,
            last_skipped: 0,
            announced: 0,
            at: 0,
            elements: 0,
            started: 0,
            open: 0,
            left: [0; DEPTH],
            bounds,
        }
    }

    /// Returns how many bytes the frame has at least, as far as is known.
    #[inline]
    pub(crate) fn min_frame_len(&self) -> usize {
        if self.is_skipping { 0 } else { self.at }
    }

    /// Skips the arguments of the frame that was refused with [`ScanError::TooLarge`]; returns whether that is possible: the
    /// arguments have begun, so that the channel is known, and nothing was skipped before.
    ///
    /// Scanning then goes on as before. After each call of [`Scanner::frame`] that finds no end, the bytes that
    /// [`Scanner::discard`] returns are to be removed. The frame that is found at last has no arguments, an empty range.
    pub(crate) fn skip_args(&mut self) -> bool {
        self.is_skipping = self.started >= 3 && self.skipped == 0;
        self.is_skipping
    }

    /// Returns how many of the `available` bytes at the start of the frame are skipped. The next scan starts after them.
    pub(crate) fn discard(&mut self, available: usize) -> usize {
        if !self.is_skipping {
            return 0;
        }
        let has_ended = self.started > 3 || (self.started == 3 && self.open == 0);
        let end = if has_ended { self.bounds.args.end } else { self.at };
        let count = end.min(available);
        self.at -= count;
        self.skipped += count;
        if let Some(headers) = &mut self.bounds.headers {
            *headers = headers.start - count..headers.end.saturating_sub(count);
        }
        self.bounds.args = 0..self.bounds.args.end.saturating_sub(count);
        if has_ended && count == end {
            (self.is_skipping, self.announced) = (false, 0);
        }
        count
    }

    /// Returns how many bytes of the frame were skipped that was found last.
    pub(crate) fn take_skipped(&mut self) -> usize {
        std::mem::take(&mut self.last_skipped)
    }

    /// Returns how many bytes of a frame are scanned.
    fn bound(&self) -> usize {
        if self.is_skipping { usize::MAX } else { self.limit }
    }

    /// Returns where the parts of the frame at the start of `unread` lie, or `None` if its end has not come.
    ///
    /// Until then `unread` must start at the same byte and may only grow; what was seen is not read again.
    #[inline]
    pub(crate) fn frame(&mut self, unread: &[u8]) -> Result<Option<FrameBounds>, ScanError> {
        if self.at > unread.len() && self.at <= self.bound() {
            return Ok(None);
        }
        let seen = &unread[..unread.len().min(self.bound())];
        if self.elements == 0
            && let Some(found) = common_frame(seen)
        {
            return Ok(Some(found));
        }
        if !self.advance(seen)? {
            return Ok(None);
        }
        let mut found = FrameBounds { len: self.at, ..self.bounds.clone() };
        if self.skipped > 0 {
            found.args = 0..0;
        }
        (self.at, self.elements, self.started, self.bounds.headers) = (0, 0, 0, None);
        (self.announced, self.last_skipped) = (0, std::mem::take(&mut self.skipped));
        Ok(Some(found))
    }

    /// Goes on in what was `seen`, which is not more than the limit; says whether the frame ended there.
    fn advance(&mut self, seen: &[u8]) -> Result<bool, ScanError> {
        let all = (self.elements > 0 || self.start(seen)?) && self.remaining(seen)?;
        // Without its end, a frame takes one byte more.
        let bound = self.bound();
        if self.announced > bound || self.at > bound || (!all && self.at == bound) {
            return Err(ScanError::TooLarge(self.limit));
        }
        // The end of what is skipped is removed first.
        Ok(all && self.at <= seen.len() && !self.is_skipping)
    }

    fn start(&mut self, seen: &[u8]) -> Result<bool, ScanError> {
        let Some(&marker) = seen.first() else { return Ok(false) };
        if width(marker).is_some() {
            return Err(ScanError::Shape("not an array"));
        }
        match self.head(seen, 0, marker)? {
            None => Ok(false),
            Some(Head::List(at, count @ 3..)) => {
                (self.at, self.elements) = (at, count);
                Ok(true)
            }
            Some(Head::List(..)) => Err(ScanError::Shape("fewer than 3 elements")),
            Some(_) => Err(ScanError::Shape("not an array")),
        }
    }

    /// Reads the elements of the frame that are left; says whether they were all there, but for the end of
    /// the last.
    #[inline]
    fn remaining(&mut self, seen: &[u8]) -> Result<bool, ScanError> {
        loop {
            if self.announced > self.bound() || (self.open > 0 && !self.contents(seen)?) {
                return Ok(false);
            }
            match (self.started, &mut self.bounds.headers) {
                (3, _) => self.bounds.args.end = self.at,
                (4, Some(headers)) => headers.end = self.at,
                _ => {}
            }
            if self.started == self.elements {
                return Ok(true);
            }
            let Some(&marker) = seen.get(self.at) else { return Ok(false) };
            if !self.element(seen, marker)? {
                return Ok(false);
            }
            self.started += 1;
        }
    }

    /// Begins the next element of the frame; says whether its head was all there.
    #[inline]
    fn element(&mut self, seen: &[u8], marker: u8) -> Result<bool, ScanError> {
        let start = self.at;
        if self.started < 2 {
            let Some(id) = self.id(seen, marker)? else { return Ok(false) };
            *(if self.started == 0 { &mut self.bounds.channel } else { &mut self.bounds.kind }) = id;
            return Ok(true);
        }
        let head = match width(marker) {
            Some(width) => Some(Head::Raw(start + width)),
            None => self.head(seen, start, marker)?,
        };
        let Some(head) = head else { return Ok(false) };
        match (self.started, &head) {
            (2, Head::List(..)) => self.bounds.args.start = start,
            (2, _) => return Err(ScanError::Shape("the arguments are no array")),
            (3, Head::List(..)) => self.bounds.headers = Some(start..start),
            (3, _) => return Err(ScanError::Shape("the headers are no array")),
            _ => {}
        }
        match head {
            Head::Raw(end) => self.at = end,
            Head::List(at, count) | Head::Map(at, count) => {
                (self.at, self.open, self.left[0]) = (at, 1, count);
            }
        }
        Ok(true)
    }

    /// Reads the channel or the type, an unsigned integer in any format, or `None` if it is not all there.
    #[inline]
    fn id(&mut self, seen: &[u8], marker: u8) -> Result<Option<u64>, ScanError> {
        if marker < 0x80 {
            self.at += 1;
            return Ok(Some(u64::from(marker)));
        }
        let (Some(width), 0xcc..=0xd3) = (width(marker), marker) else {
            return match marker {
                0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => Err(ScanError::Parse(marker)),
                _ => Err(ScanError::Shape("the channel or the type is no unsigned integer")),
            };
        };
        let end = self.at + width;
        if end > self.limit {
            return Err(ScanError::TooLarge(self.limit));
        }
        let Some(digits) = seen.get(self.at + 1..end) else { return Ok(None) };
        // A signed format is an unsigned one as long as its sign bit is not set.
        if marker >= 0xd0 && digits[0] >= 0x80 {
            return Err(ScanError::Shape("the channel or the type is negative"));
        }
        self.at = end;
        Ok(Some(digits.iter().fold(0, |value, digit| value << 8 | u64::from(*digit))))
    }

    /// Reads values until all containers within the current element are closed; says whether they are.
    #[inline]
    fn contents(&mut self, seen: &[u8]) -> Result<bool, ScanError> {
        let (mut at, mut open, mut left) = (self.at, self.open, self.left[self.open - 1]);
        loop {
            while left == 0 {
                open -= 1;
                if open == 0 {
                    (self.at, self.open) = (at, 0);
                    return Ok(true);
                }
                left = self.left[open - 1];
            }
            let Some(&marker) = seen.get(at) else { break };
            if let Some(width) = width(marker) {
                at += width;
                left -= 1;
                continue;
            }
            let Some(head) = self.head(seen, at, marker)? else { break };
            left -= 1;
            match head {
                Head::Raw(end) => at = end,
                Head::List(first, count) | Head::Map(first, count) => {
                    // The frame itself is open too.
                    if open + 1 == DEPTH {
                        return Err(ScanError::TooDeep);
                    }
                    self.left[open - 1] = left;
                    open += 1;
                    (at, left) = (first, count);
                }
            }
            if self.announced > self.bound() {
                break;
            }
        }
        (self.at, self.open, self.left[open - 1]) = (at, open, left);
        Ok(false)
    }

    /// Reads the head at `at`, which starts with `marker`, or returns `None` if it is not all there.
    #[inline]
    fn head(&mut self, seen: &[u8], at: usize, marker: u8) -> Result<Option<Head>, ScanError> {
        let next = at + 1;
        let head = match marker {
            0x90..=0x9f => Head::List(next, u64::from(marker & 0x0f)),
            0x80..=0x8f => Head::Map(next, 2 * u64::from(marker & 0x0f)),
            0xc4..=0xc6 | 0xd9..=0xdf => match self.long(seen, next, marker) {
                Some(head) => head,
                None => return Ok(None),
            },
            _ => return Err(ScanError::Parse(marker)),
        };
        let least = match head {
            Head::Raw(end) => end,
            Head::List(at, count) | Head::Map(at, count) => {
                at.saturating_add(usize::try_from(count).unwrap_or(usize::MAX))
            }
        };
        self.announced = self.announced.max(least);
        Ok(Some(head))
    }

    /// Reads a head whose length is in the bytes after the marker.
    #[inline]
    fn long(&mut self, seen: &[u8], next: usize, marker: u8) -> Option<Head> {
        let width = match marker {
            0xc4 | 0xd9 => 1,
            0xc5 | 0xda | 0xdc | 0xde => 2,
            _ => 4,
        };
        let at = next + width;
        self.announced = self.announced.max(at);
        let digits = seen.get(next..at)?;
        let length = digits.iter().fold(0, |length, digit| length << 8 | u32::from(*digit));
        Some(match marker {
            0xdc | 0xdd => Head::List(at, u64::from(length)),
            0xde | 0xdf => Head::Map(at, 2 * u64::from(length)),
            _ => Head::Raw(at.saturating_add(length as usize)),
        })
    }
}

#[cfg(test)]
mod tests;

//! Finds complete frames in the received bytes (`protocol.md` 1).

mod common;
mod width;

use std::ops::Range;

use self::common::common_frame;
pub(crate) use self::width::width;

/// The maximum nesting of containers, including the frame and its arguments (`protocol.md` 1).
pub(crate) const MAX_DEPTH: usize = 32;

/// The bounds of a frame and its parts, relative to its first byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FrameBounds {
    /// The length of the whole frame.
    pub(crate) len: usize,
    /// The array of arguments.
    pub(crate) args: Range<usize>,
    /// The array of headers, which is the fourth element. `None` if it equals
    /// [`UNTRACED`](crate::wire::headers::UNTRACED).
    pub(crate) headers: Option<Range<usize>>,
    /// The first element.
    pub(crate) channel: u64,
    /// The second element.
    pub(crate) kind: u64,
}

/// The reason why a frame is invalid. Nothing after it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScanError {
    /// A byte that no value of the dialect starts with: `c1` or an ext. Reported as `[6,4]`.
    #[error("not MessagePack: byte {0:#04x} starts no value")]
    Parse(u8),
    /// A value that is not `[channel, type, args, headers?, ..]`. Reported as `[6,1]`.
    #[error("not a frame: {0}")]
    Shape(&'static str),
    /// The frame is longer than the limit, or declares to be.
    #[error("a frame of more than {0} bytes")]
    TooLarge(usize),
    /// More than 32 open containers.
    #[error("a frame nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// Scans one frame after another, and resumes where it stopped when more bytes have arrived.
///
/// The arguments of a frame that are longer than the limit can be skipped ([`Scanner::skip_args`]): they are scanned and not
/// stored, while the bytes before and after them are.
#[derive(Debug)]
pub(crate) struct Scanner {
    limit: usize,
    /// The arguments of the frame are skipped, and have not ended.
    is_skipping: bool,
    /// The number of skipped bytes of the frame.
    skipped: usize,
    /// The number of skipped bytes of the last complete frame.
    last_skipped: usize,
    /// The minimum length of the frame according to its heads.
    announced: usize,
    /// Where the next value starts. It may lie beyond the received bytes.
    position: usize,
    /// The number of elements of the frame; 0 before its first byte is scanned.
    elements: u64,
    /// The number of elements of the frame that have started.
    started: u64,
    /// The number of open containers within the current element of the frame.
    open: usize,
    /// The number of values that each open container still lacks.
    missing: [u64; MAX_DEPTH],
    bounds: FrameBounds,
}

/// The head of a value whose marker alone does not give its length.
enum Head {
    /// Where the value ends.
    Raw(usize),
    /// Where its first element starts, and the number of its values.
    Array(usize, u64),
    Map(usize, u64),
}

impl Scanner {
    /// Returns a scanner that rejects frames of more than `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        let bounds = FrameBounds { len: 0, args: 0..0, headers: None, channel: 0, kind: 0 };
        Self {
            limit,
            is_skipping: false,
            skipped: 0,
            last_skipped: 0,
            announced: 0,
            position: 0,
            elements: 0,
            started: 0,
            open: 0,
            missing: [0; MAX_DEPTH],
            bounds,
        }
    }

    /// Returns the limit on the length of a frame.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the minimum length of the current frame, as far as it is known.
    #[inline]
    pub(crate) fn min_frame_len(&self) -> usize {
        if self.is_skipping { 0 } else { self.position }
    }

    /// Returns the minimum length of the current frame with the elements that its heads announce; 0 if its arguments are
    /// skipped.
    #[inline]
    pub(crate) fn announced_len(&self) -> usize {
        if self.is_skipping { 0 } else { self.announced.max(self.position) }
    }

    /// Skips the arguments of the frame that was rejected with [`ScanError::TooLarge`]. Returns whether that is possible: the
    /// arguments have begun, so that the channel is known, and they are what is too long.
    ///
    /// Scanning continues as before, except that the caller removes the bytes that [`Scanner::discard`] returns after each
    /// incomplete [`Scanner::frame`]. The bounds of the complete frame have an empty range of arguments.
    pub(crate) fn skip_args(&mut self) -> bool {
        self.skip_args_above(self.limit / 2)
    }

    /// Skips the arguments of the incomplete frame, as [`Scanner::skip_args`] does, unless they end before `min_args`.
    pub(crate) fn skip_args_above(&mut self, min_args: usize) -> bool {
        let is_within_args = self.started == 3 && self.open > 0;
        let are_args_large = self.started >= 3 && self.bounds.args.end > min_args;
        self.is_skipping = self.skipped == 0 && (is_within_args || are_args_large);
        self.is_skipping
    }

    /// Returns the channel of the incomplete frame and its minimum length, once its arguments have begun.
    pub(crate) fn incomplete_frame(&self) -> (u64, usize) {
        (self.bounds.channel, self.announced.max(self.position))
    }

    /// Returns how many of the `available` bytes at the start of the frame are skipped. The next scan starts behind them.
    pub(crate) fn discard(&mut self, available: usize) -> usize {
        if !self.is_skipping {
            return 0;
        }
        let has_ended = self.started > 3 || (self.started == 3 && self.open == 0);
        let end = if has_ended { self.bounds.args.end } else { self.position };
        let count = end.min(available);
        self.position -= count;
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

    /// Removes and returns the number of skipped bytes of the last complete frame.
    pub(crate) fn take_skipped(&mut self) -> usize {
        std::mem::take(&mut self.last_skipped)
    }

    /// Returns the number of bytes of a frame that are scanned.
    fn bound(&self) -> usize {
        if self.is_skipping { usize::MAX } else { self.limit }
    }

    /// Returns the bounds of the frame at the start of `unread`, or `None` if it is incomplete.
    ///
    /// Until it is complete, `unread` must start at the same byte and may only grow. Scanned bytes are not read again.
    #[inline]
    pub(crate) fn frame(&mut self, unread: &[u8]) -> Result<Option<FrameBounds>, ScanError> {
        if self.position > unread.len() && self.position <= self.bound() {
            return Ok(None);
        }
        let seen = &unread[..unread.len().min(self.bound())];
        if self.elements == 0
            && let Some(bounds) = common_frame(seen)
        {
            return Ok(Some(bounds));
        }
        if !self.advance(seen)? {
            return Ok(None);
        }
        let mut bounds = FrameBounds { len: self.position, ..self.bounds.clone() };
        if self.skipped > 0 {
            bounds.args = 0..0;
        }
        (self.position, self.elements, self.started, self.bounds.headers) = (0, 0, 0, None);
        (self.announced, self.last_skipped) = (0, std::mem::take(&mut self.skipped));
        Ok(Some(bounds))
    }

    /// Continues in `seen`, which is not longer than the limit; returns whether the frame is complete.
    fn advance(&mut self, seen: &[u8]) -> Result<bool, ScanError> {
        let all = (self.elements > 0 || self.start(seen)?) && self.remaining(seen)?;
        // An incomplete frame has at least one more byte.
        let bound = self.bound();
        if self.announced > bound || self.position > bound || (!all && self.position == bound) {
            return Err(ScanError::TooLarge(self.limit));
        }
        // The end of the skipped bytes is removed first.
        Ok(all && self.position <= seen.len() && !self.is_skipping)
    }

    /// Reads the head of the frame; returns whether it was complete.
    fn start(&mut self, seen: &[u8]) -> Result<bool, ScanError> {
        let Some(&marker) = seen.first() else { return Ok(false) };
        if width(marker).is_some() {
            return Err(ScanError::Shape("not an array"));
        }
        match self.head(seen, 0, marker)? {
            None => Ok(false),
            Some(Head::Array(at, count @ 3..)) => {
                (self.position, self.elements) = (at, count);
                Ok(true)
            }
            Some(Head::Array(..)) => Err(ScanError::Shape("fewer than 3 elements")),
            Some(_) => Err(ScanError::Shape("not an array")),
        }
    }

    /// Reads the remaining elements of the frame; returns whether all have started, and their containers ended.
    #[inline]
    fn remaining(&mut self, seen: &[u8]) -> Result<bool, ScanError> {
        loop {
            if self.announced > self.bound() || (self.open > 0 && !self.contents(seen)?) {
                return Ok(false);
            }
            match (self.started, &mut self.bounds.headers) {
                (3, _) => self.bounds.args.end = self.position,
                (4, Some(headers)) => headers.end = self.position,
                _ => {}
            }
            if self.started == self.elements {
                return Ok(true);
            }
            let Some(&marker) = seen.get(self.position) else { return Ok(false) };
            if !self.element(seen, marker)? {
                return Ok(false);
            }
            self.started += 1;
        }
    }

    /// Begins the next element of the frame; returns whether its head was complete.
    #[inline]
    fn element(&mut self, seen: &[u8], marker: u8) -> Result<bool, ScanError> {
        let start = self.position;
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
            (2, Head::Array(..)) => self.bounds.args.start = start,
            (2, _) => return Err(ScanError::Shape("the arguments are not an array")),
            (3, Head::Array(..)) => self.bounds.headers = Some(start..start),
            (3, _) => return Err(ScanError::Shape("the headers are not an array")),
            _ => {}
        }
        match head {
            Head::Raw(end) => self.position = end,
            Head::Array(at, count) | Head::Map(at, count) => {
                (self.position, self.open, self.missing[0]) = (at, 1, count);
            }
        }
        Ok(true)
    }

    /// Reads the channel or the type, an unsigned integer in any format; `None` if it is incomplete.
    #[inline]
    fn id(&mut self, seen: &[u8], marker: u8) -> Result<Option<u64>, ScanError> {
        if marker < 0x80 {
            self.position += 1;
            return Ok(Some(u64::from(marker)));
        }
        let (Some(width), 0xcc..=0xd3) = (width(marker), marker) else {
            return match marker {
                0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => Err(ScanError::Parse(marker)),
                _ => Err(ScanError::Shape("the channel or the type is not an unsigned integer")),
            };
        };
        let end = self.position + width;
        if end > self.limit {
            return Err(ScanError::TooLarge(self.limit));
        }
        let Some(digits) = seen.get(self.position + 1..end) else { return Ok(None) };
        // A signed format is accepted as long as its sign bit is not set.
        if marker >= 0xd0 && digits[0] >= 0x80 {
            return Err(ScanError::Shape("the channel or the type is negative"));
        }
        self.position = end;
        Ok(Some(digits.iter().fold(0, |value, digit| value << 8 | u64::from(*digit))))
    }

    /// Reads values until all containers within the current element have ended; returns whether they have.
    #[inline]
    fn contents(&mut self, seen: &[u8]) -> Result<bool, ScanError> {
        let (mut at, mut open, mut left) = (self.position, self.open, self.missing[self.open - 1]);
        loop {
            while left == 0 {
                open -= 1;
                if open == 0 {
                    (self.position, self.open) = (at, 0);
                    return Ok(true);
                }
                left = self.missing[open - 1];
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
                Head::Array(first, count) | Head::Map(first, count) => {
                    // The frame itself is open as well.
                    if open + 1 == MAX_DEPTH {
                        return Err(ScanError::TooDeep);
                    }
                    self.missing[open - 1] = left;
                    open += 1;
                    (at, left) = (first, count);
                }
            }
            if self.announced > self.bound() {
                break;
            }
        }
        (self.position, self.open, self.missing[open - 1]) = (at, open, left);
        Ok(false)
    }

    /// Reads the head at `at`, which starts with `marker`; `None` if it is incomplete.
    #[inline]
    fn head(&mut self, seen: &[u8], at: usize, marker: u8) -> Result<Option<Head>, ScanError> {
        let next = at + 1;
        let head = match marker {
            0x90..=0x9f => Head::Array(next, u64::from(marker & 0x0f)),
            0x80..=0x8f => Head::Map(next, 2 * u64::from(marker & 0x0f)),
            0xc4..=0xc6 | 0xd9..=0xdf => match self.long_head(seen, next, marker) {
                Some(head) => head,
                None => return Ok(None),
            },
            _ => return Err(ScanError::Parse(marker)),
        };
        let min_end = match head {
            Head::Raw(end) => end,
            Head::Array(at, count) | Head::Map(at, count) => {
                at.saturating_add(usize::try_from(count).unwrap_or(usize::MAX))
            }
        };
        self.announced = self.announced.max(min_end);
        Ok(Some(head))
    }

    /// Reads a head with the length in the bytes after the marker.
    #[inline]
    fn long_head(&mut self, seen: &[u8], next: usize, marker: u8) -> Option<Head> {
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
            0xdc | 0xdd => Head::Array(at, u64::from(length)),
            0xde | 0xdf => Head::Map(at, 2 * u64::from(length)),
            _ => Head::Raw(at.saturating_add(length as usize)),
        })
    }
}

#[cfg(test)]
mod tests;

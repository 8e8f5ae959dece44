//! Finds the end of a frame in what was received so far (`protocol.md` 1).

use std::ops::Range;

/// Containers that may be open at once, the frame and its arguments counted (`protocol.md` 1).
pub(crate) const DEPTH: usize = 32;

/// Where a frame and its parts lie, counted from its first byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The length of the whole frame.
    pub(crate) len: usize,
    /// The array of arguments.
    pub(crate) args: Range<usize>,
    /// The array of headers, which is the fourth element.
    pub(crate) headers: Option<Range<usize>>,
    /// The first element.
    pub(crate) channel: u64,
    /// The second element.
    pub(crate) kind: u64,
}

/// The rule that a frame broke. Nothing after it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
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
#[derive(Debug)]
pub(crate) struct Scanner {
    limit: usize,
    /// Where the next value starts; may lie beyond what was received.
    at: usize,
    /// Elements of the frame, 0 before its first byte was seen.
    elements: u64,
    /// Elements of the frame that have begun.
    begun: u64,
    /// Containers that are open within the current element of the frame.
    open: usize,
    /// How many values each open container still lacks.
    left: [u64; DEPTH],
    extent: Extent,
}

/// The start of a value: where the value (for a container: its first element) ends or starts, and how many
/// values a container holds.
enum Head {
    Scalar(usize),
    List(usize, u64),
    Map(usize, u64),
}

impl Scanner {
    /// Returns a scanner that refuses frames of more than `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        let extent = Extent { len: 0, args: 0..0, headers: None, channel: 0, kind: 0 };
        Self { limit, at: 0, elements: 0, begun: 0, open: 0, left: [0; DEPTH], extent }
    }

    /// Returns how many bytes the frame has at least, as far as is known.
    pub(crate) fn wanted(&self) -> usize {
        self.at
    }

    /// Returns where the parts of the frame at the start of `unread` lie, or `None` if its end has not come.
    ///
    /// Until then `unread` must start at the same byte and may only grow; what was seen is not read again.
    #[inline]
    pub(crate) fn frame(&mut self, unread: &[u8]) -> Result<Option<Extent>, Broken> {
        if self.at >= unread.len() && (self.begun < self.elements || self.at > unread.len()) {
            return Ok(None);
        }
        self.resume(unread)
    }

    fn resume(&mut self, unread: &[u8]) -> Result<Option<Extent>, Broken> {
        if self.elements == 0 && !self.start(unread)? {
            return Ok(None);
        }
        loop {
            if self.open > 0 && !self.contents(unread)? {
                return Ok(None);
            }
            match self.begun {
                3 => self.extent.args.end = self.at,
                4 => {
                    if let Some(headers) = &mut self.extent.headers {
                        headers.end = self.at;
                    }
                }
                _ => {}
            }
            if self.begun == self.elements {
                return Ok(self.finish(unread));
            }
            if !self.element(unread)? {
                return Ok(None);
            }
        }
    }

    fn start(&mut self, unread: &[u8]) -> Result<bool, Broken> {
        match self.head(unread)? {
            None => Ok(false),
            Some(Head::List(at, count @ 3..)) => {
                (self.at, self.elements) = (at, count);
                Ok(true)
            }
            Some(Head::List(..)) => Err(Broken::Shape("fewer than 3 elements")),
            Some(_) => Err(Broken::Shape("not an array")),
        }
    }

    /// Begins the next element of the frame.
    #[inline]
    fn element(&mut self, unread: &[u8]) -> Result<bool, Broken> {
        let start = self.at;
        let Some(head) = self.head(unread)? else { return Ok(false) };
        match (self.begun, head) {
            (0, Head::Scalar(end)) => {
                let Some(channel) = uint(unread, start, end, "the channel is no unsigned integer")? else {
                    return Ok(false);
                };
                (self.extent.channel, self.at) = (channel, end);
            }
            (1, Head::Scalar(end)) => {
                let Some(kind) = uint(unread, start, end, "the type is no unsigned integer")? else {
                    return Ok(false);
                };
                (self.extent.kind, self.at) = (kind, end);
            }
            (0, _) => return Err(Broken::Shape("the channel is no unsigned integer")),
            (1, _) => return Err(Broken::Shape("the type is no unsigned integer")),
            (2, Head::List(at, count)) => {
                self.extent.args.start = start;
                self.enter(at, count);
            }
            (2, _) => return Err(Broken::Shape("the arguments are no array")),
            (3, Head::List(at, count)) => {
                self.extent.headers = Some(start..start);
                self.enter(at, count);
            }
            (3, _) => return Err(Broken::Shape("the headers are no array")),
            (_, Head::List(at, count) | Head::Map(at, count)) => self.enter(at, count),
            (_, Head::Scalar(end)) => self.at = end,
        }
        self.begun += 1;
        Ok(true)
    }

    fn enter(&mut self, at: usize, count: u64) {
        (self.at, self.open, self.left[0]) = (at, 1, count);
    }

    /// Reads values until all containers within the current element are closed; says whether they are.
    #[inline]
    fn contents(&mut self, unread: &[u8]) -> Result<bool, Broken> {
        loop {
            while self.left[self.open - 1] == 0 {
                self.open -= 1;
                if self.open == 0 {
                    return Ok(true);
                }
            }
            let Some(head) = self.head(unread)? else { return Ok(false) };
            self.left[self.open - 1] -= 1;
            match head {
                Head::Scalar(end) => self.at = end,
                Head::List(at, count) | Head::Map(at, count) => {
                    // The frame itself is open too.
                    if self.open + 1 == DEPTH {
                        return Err(Broken::TooDeep);
                    }
                    self.left[self.open] = count;
                    self.open += 1;
                    self.at = at;
                }
            }
        }
    }

    fn finish(&mut self, unread: &[u8]) -> Option<Extent> {
        if self.at > unread.len() {
            return None;
        }
        let mut extent = self.extent.clone();
        extent.len = self.at;
        (self.at, self.elements, self.begun, self.extent.headers) = (0, 0, 0, None);
        Some(extent)
    }

    /// Reads the head of the value at `self.at`, or returns `None` if it is not all there.
    #[inline]
    fn head(&self, unread: &[u8]) -> Result<Option<Head>, Broken> {
        let Some(&marker) = unread.get(self.at) else { return Ok(None) };
        let next = self.at + 1;
        let head = match marker {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => Head::Scalar(next),
            0xa0..=0xbf => Head::Scalar(next + usize::from(marker & 0x1f)),
            0x90..=0x9f => Head::List(next, u64::from(marker & 0x0f)),
            0x80..=0x8f => Head::Map(next, 2 * u64::from(marker & 0x0f)),
            0xcc | 0xd0 => Head::Scalar(next + 1),
            0xcd | 0xd1 => Head::Scalar(next + 2),
            0xca | 0xce | 0xd2 => Head::Scalar(next + 4),
            0xcb | 0xcf | 0xd3 => Head::Scalar(next + 8),
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => return Err(Broken::Parse(marker)),
            0xc4..=0xc6 | 0xd9..=0xdf => match long(unread, next, marker) {
                Some(head) => head,
                None => return Ok(None),
            },
        };
        let least = match head {
            Head::Scalar(end) => end,
            Head::List(at, count) | Head::Map(at, count) => {
                at.saturating_add(usize::try_from(count).unwrap_or(usize::MAX))
            }
        };
        if least > self.limit { Err(Broken::TooLarge(self.limit)) } else { Ok(Some(head)) }
    }
}

/// Reads a head whose length is in the bytes after the marker.
fn long(unread: &[u8], next: usize, marker: u8) -> Option<Head> {
    let rest = unread.get(next..)?;
    let (width, length) = match marker {
        0xc4 | 0xd9 => (1, u32::from(*rest.first()?)),
        0xc5 | 0xda | 0xdc | 0xde => (2, u32::from(u16::from_be_bytes(*rest.first_chunk()?))),
        _ => (4, u32::from_be_bytes(*rest.first_chunk()?)),
    };
    let at = next + width;
    Some(match marker {
        0xdc | 0xdd => Head::List(at, u64::from(length)),
        0xde | 0xdf => Head::Map(at, 2 * u64::from(length)),
        _ => Head::Scalar(at.saturating_add(length as usize)),
    })
}

/// Returns the unsigned integer in `unread[start..end]`, or `None` if it is not all there.
#[inline]
fn uint(unread: &[u8], start: usize, end: usize, otherwise: &'static str) -> Result<Option<u64>, Broken> {
    let marker = unread[start];
    if marker < 0x80 {
        return Ok(Some(u64::from(marker)));
    }
    if !matches!(marker, 0xcc..=0xd3) {
        return Err(Broken::Shape(otherwise));
    }
    let Some(digits) = unread.get(start + 1..end) else { return Ok(None) };
    // A signed format is an unsigned one as long as its sign bit is not set.
    if marker >= 0xd0 && digits[0] >= 0x80 {
        return Err(Broken::Shape(otherwise));
    }
    Ok(Some(digits.iter().fold(0, |value, digit| value << 8 | u64::from(*digit))))
}

#[cfg(test)]
mod tests;

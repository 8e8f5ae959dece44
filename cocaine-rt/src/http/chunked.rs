//! Chunks of HTTP/1.1, as a server writes them (RFC 9112, 7.1). Extensions and trailers are passed over.

/// The longest line: a size with its extensions, or a trailer.
const LINE: usize = 8 << 10;

/// Reads a body that comes in chunks.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    state: State,
    line: Vec<u8>,
}

#[derive(Debug, Default)]
enum State {
    /// A line with the size of the next chunk.
    #[default]
    Size,
    /// So many bytes of a chunk.
    Data(u64),
    /// The end of the line behind a chunk.
    DataEnd,
    /// Lines behind the last chunk, the last one empty.
    Trailer,
    Ended,
}

impl Chunked {
    pub(super) fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Takes data from the front of `input`; `None` once it needs more, or the body has ended.
    ///
    /// # Errors
    /// What is wrong with the chunks.
    pub(super) fn take<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, String> {
        while !input.is_empty() {
            match &mut self.state {
                State::Size => {
                    let Some(line) = self.line(input)? else { return Ok(None) };
                    let size = size(&line).ok_or("a chunk of the answer has no size")?;
                    self.state = if size == 0 { State::Trailer } else { State::Data(size) };
                }
                State::Data(left) => {
                    let len = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                    let (data, more) = input.split_at(len);
                    *input = more;
                    *left -= len as u64;
                    if *left == 0 {
                        self.state = State::DataEnd;
                    }
                    return Ok(Some(data));
                }
                State::DataEnd => {
                    let Some(line) = self.line(input)? else { return Ok(None) };
                    if !line.is_empty() {
                        return Err("a chunk of the answer is longer than its size".into());
                    }
                    self.state = State::Size;
                }
                State::Trailer => {
                    let Some(line) = self.line(input)? else { return Ok(None) };
                    if line.is_empty() {
                        self.state = State::Ended;
                    }
                }
                State::Ended => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Takes a line, without its end; `None` if it has not ended yet.
    fn line(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, String> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let (taken, more) = input.split_at(end.map_or(input.len(), |end| end + 1));
        *input = more;
        self.line.extend_from_slice(taken);
        if self.line.len() > LINE {
            return Err("a line between chunks of the answer is too long".into());
        }
        if end.is_none() {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.line);
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(line))
    }
}

fn size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

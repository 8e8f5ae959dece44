//! Decodes the chunked transfer coding (RFC 9112, 7.1). Extensions and trailers are skipped.

/// The maximum length of a line: a size with its extensions, or a trailer.
const MAX_LINE: usize = 8 << 10;

/// Decodes a chunked body.
#[derive(Debug, Default)]
pub(super) struct ChunkedDecoder {
    state: State,
    line: Vec<u8>,
}

#[derive(Debug, Default)]
enum State {
    /// In the line with the size of the next chunk.
    #[default]
    Size,
    /// In a chunk, of which this many bytes are left.
    Data(u64),
    /// At the line break after a chunk.
    DataEnd,
    /// In the trailers, which an empty line ends.
    Trailer,
    Finished,
}

impl ChunkedDecoder {
    pub(super) fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    /// Advances `input` and returns the next data of the body; `None` if more input is needed or the body is complete.
    ///
    /// # Errors
    /// If the input is not a chunked body; the error says why.
    pub(super) fn decode<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, String> {
        while !input.is_empty() {
            match &mut self.state {
                State::Size => {
                    let Some(line) = self.read_line(input)? else { return Ok(None) };
                    let size = parse_size(&line).ok_or("a chunk of the response has no size")?;
                    self.state = if size == 0 { State::Trailer } else { State::Data(size) };
                }
                State::Data(left) => {
                    let len = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                    let (data, rest) = input.split_at(len);
                    *input = rest;
                    *left -= len as u64;
                    if *left == 0 {
                        self.state = State::DataEnd;
                    }
                    return Ok(Some(data));
                }
                State::DataEnd => {
                    let Some(line) = self.read_line(input)? else { return Ok(None) };
                    if !line.is_empty() {
                        return Err("a chunk of the response is longer than its size".into());
                    }
                    self.state = State::Size;
                }
                State::Trailer => {
                    let Some(line) = self.read_line(input)? else { return Ok(None) };
                    if line.is_empty() {
                        self.state = State::Finished;
                    }
                }
                State::Finished => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Returns the next line without its line break, or `None` if the line is incomplete.
    fn read_line(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, String> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let (part, rest) = input.split_at(end.map_or(input.len(), |end| end + 1));
        *input = rest;
        self.line.extend_from_slice(part);
        if self.line.len() > MAX_LINE {
            return Err("a line between chunks of the response is too long".into());
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

fn parse_size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|byte| *byte == b';').next()?.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

//! The output of a worker: the last lines are retained for its crashlog.

use std::collections::VecDeque;

use cocaine::Bytes;

/// Longer lines are split.
const MAX_LINE: usize = 64 << 10;

/// How many bytes of lines are retained, whatever their number.
const MAX_SIZE: usize = 8 << 20;

/// The cost of a line beside its bytes.
const OVERHEAD: usize = 64;

/// How many lines reports and errors show.
const SHOWN_LINES: usize = 20;

/// The last lines of a worker's output, and the beginning of the next.
#[derive(Debug)]
pub(crate) struct OutputBuffer {
    limit: usize,
    lines: VecDeque<Bytes>,
    size: usize,
    /// The bytes since the last end of a line.
    unfinished: Vec<u8>,
}

impl OutputBuffer {
    /// Returns a buffer that retains `limit` lines.
    pub(crate) fn new(limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self { limit, lines: VecDeque::new(), size: 0, unfinished: Vec::new() }
    }

    /// Appends output, and calls `each` with each line that it completes.
    pub(crate) fn push(&mut self, written: &[u8], mut each: impl FnMut(&Bytes)) {
        for part in written.split_inclusive(|byte| *byte == b'\n') {
            let (mut part, ended) = part.strip_suffix(b"\n").map_or((part, false), |line| (line, true));
            while self.unfinished.len() + part.len() > MAX_LINE {
                let (now, later) = part.split_at(MAX_LINE - self.unfinished.len());
                self.unfinished.extend_from_slice(now);
                self.end_line(&mut each);
                part = later;
            }
            self.unfinished.extend_from_slice(part);
            if ended {
                self.end_line(&mut each);
            }
        }
    }

    fn end_line(&mut self, each: &mut impl FnMut(&Bytes)) {
        let line = Bytes::from(self.unfinished.as_slice());
        self.unfinished.clear();
        each(&line);
        self.size += line.len() + OVERHEAD;
        self.lines.push_back(line);
        while self.lines.len() > self.limit || self.size > MAX_SIZE {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.size -= oldest.len() + OVERHEAD;
        }
    }

    /// Returns the retained lines without their ends, followed by the unfinished one.
    pub(crate) fn tail(&self) -> OutputTail {
        OutputTail(self.lines.iter().cloned().chain(self.unfinished_line()).collect())
    }

    /// Returns what came after the last end of a line, if anything did.
    pub(crate) fn unfinished_line(&self) -> Option<Bytes> {
        (!self.unfinished.is_empty()).then(|| Bytes::from(self.unfinished.as_slice()))
    }
}

/// The lines that an exited process has printed last.
#[derive(Debug)]
pub(crate) struct OutputTail(Vec<Bytes>);

impl OutputTail {
    /// Returns the last lines as a text.
    pub(crate) fn last_lines(&self) -> String {
        let last = &self.0[self.0.len().saturating_sub(SHOWN_LINES)..];
        last.iter().map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn into_lines(self) -> Vec<Bytes> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(output: &mut OutputBuffer, parts: &[&str]) -> Vec<String> {
        let mut ended = Vec::new();
        for part in parts {
            output.push(part.as_bytes(), |line| ended.push(line.as_str().unwrap().to_owned()));
        }
        ended
    }

    fn lines(output: &OutputBuffer) -> Vec<String> {
        output.tail().0.iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn lines_are_assembled_and_the_last_retained() {
        let mut output = OutputBuffer::new(2);
        assert_eq!(lines(&output), [""; 0]);
        assert_eq!(push(&mut output, &["o", "ne\ntw", "o\n\nfour"]), ["one", "two", ""]);
        assert_eq!(lines(&output), ["two", "", "four"]);
        assert_eq!(push(&mut output, &["\n"]), ["four"]);
        assert_eq!(lines(&output), ["", "four"]);
    }

    #[test]
    fn zero_limit_retains_the_unfinished_line() {
        let mut output = OutputBuffer::new(0);
        assert_eq!(push(&mut output, &["one\ntwo"]), ["one"]);
        assert_eq!(lines(&output), ["two"]);
    }

    #[test]
    fn long_line_is_split() {
        let mut output = OutputBuffer::new(10);
        let long = "x".repeat(MAX_LINE * 2 + 5);
        let lengths = |lines: Vec<String>| lines.iter().map(String::len).collect::<Vec<_>>();
        let halves = long.split_at(MAX_LINE / 2);
        assert_eq!(lengths(push(&mut output, &[halves.0, halves.1])), [MAX_LINE; 2]);
        assert_eq!(lengths(push(&mut output, &["\n"])), [5]);
        let exact = format!("{}\n", &long[..MAX_LINE]);
        assert_eq!(lengths(push(&mut output, &[&exact])), [MAX_LINE]);
        assert_eq!(lengths(lines(&output)), [MAX_LINE, MAX_LINE, 5, MAX_LINE]);
        let longer = format!("{}\n", &long[..=MAX_LINE]);
        assert_eq!(lengths(push(&mut output, &[&longer])), [MAX_LINE, 1]);
    }

    #[test]
    fn retained_bytes_are_bounded() {
        let mut output = OutputBuffer::new(u32::MAX);
        let long = "x".repeat(MAX_LINE - 1) + "\n";
        for _ in 0..MAX_SIZE / MAX_LINE * 2 {
            push(&mut output, &[&long]);
        }
        let size: usize = output.tail().0.iter().map(|line| line.len() + OVERHEAD).sum();
        assert!(size <= MAX_SIZE && size > MAX_SIZE - 2 * MAX_LINE, "{size}");
        output.push(&vec![b'\n'; MAX_SIZE / OVERHEAD + 100], |_| {});
        assert_eq!(output.tail().0.len(), MAX_SIZE / OVERHEAD);
    }

    #[test]
    fn last_lines_are_lossy_text() {
        let mut output = OutputBuffer::new(50);
        assert_eq!(output.tail().last_lines(), "");
        output.push(b"one\ntw\xff\nthree", |_| {});
        assert_eq!(output.tail().last_lines(), "one\ntw\u{fffd}\nthree");
        output.push("\nmore".repeat(SHOWN_LINES - 1).as_bytes(), |_| {});
        assert_eq!(output.tail().last_lines(), format!("three{}", "\nmore".repeat(SHOWN_LINES - 1)));
    }
}

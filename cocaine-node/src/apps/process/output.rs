//! What a worker wrote: the lines that are kept for its crashlog.

use std::collections::VecDeque;

use cocaine::Bytes;

/// From here on a line is taken for two.
const LONGEST_LINE: usize = 64 << 10;

/// How many bytes of lines are kept, whatever their number.
const KEPT: usize = 8 << 20;

/// What a line takes beside its bytes.
const OVERHEAD: usize = 64;

/// The last lines of a worker's output, and the beginning of the next.
#[derive(Debug)]
pub(crate) struct Output {
    limit: usize,
    lines: VecDeque<Bytes>,
    size: usize,
    tail: Vec<u8>,
}

impl Output {
    /// Returns an output that keeps `limit` lines.
    pub(crate) fn new(limit: u32) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Self { limit, lines: VecDeque::new(), size: 0, tail: Vec::new() }
    }

    /// Takes what was written, and hands each line that it completes to `each`.
    pub(crate) fn push(&mut self, written: &[u8], mut each: impl FnMut(&Bytes)) {
        for part in written.split_inclusive(|byte| *byte == b'\n') {
            let (mut part, ended) = part.strip_suffix(b"\n").map_or((part, false), |line| (line, true));
            while self.tail.len() + part.len() > LONGEST_LINE {
                let (now, later) = part.split_at(LONGEST_LINE - self.tail.len());
                self.tail.extend_from_slice(now);
                self.end_line(&mut each);
                part = later;
            }
            self.tail.extend_from_slice(part);
            if ended {
                self.end_line(&mut each);
            }
        }
    }

    fn end_line(&mut self, each: &mut impl FnMut(&Bytes)) {
        let line = Bytes::from(self.tail.as_slice());
        self.tail.clear();
        each(&line);
        self.size += line.len() + OVERHEAD;
        self.lines.push_back(line);
        while self.lines.len() > self.limit || self.size > KEPT {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.size -= oldest.len() + OVERHEAD;
        }
    }

    /// Returns the lines that are kept, without their ends, and then the one that was not ended.
    pub(crate) fn lines(&self) -> Vec<Bytes> {
        let tail = (!self.tail.is_empty()).then(|| Bytes::from(self.tail.as_slice()));
        self.lines.iter().cloned().chain(tail).collect()
    }

    /// Returns the last `count` lines as a text.
    pub(crate) fn tail(&self, count: usize) -> String {
        let lines = self.lines();
        let last = &lines[lines.len().saturating_sub(count)..];
        last.iter().map(|line| String::from_utf8_lossy(line)).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(output: &mut Output, parts: &[&str]) -> Vec<String> {
        let mut ended = Vec::new();
        for part in parts {
            output.push(part.as_bytes(), |line| ended.push(line.as_str().unwrap().to_owned()));
        }
        ended
    }

    fn lines(output: &Output) -> Vec<String> {
        output.lines().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn lines_are_put_together_and_the_last_are_kept() {
        let mut output = Output::new(2);
        assert_eq!(lines(&output), [""; 0]);
        assert_eq!(push(&mut output, &["o", "ne\ntw", "o\n\nfour"]), ["one", "two", ""]);
        assert_eq!(lines(&output), ["two", "", "four"]);
        assert_eq!(push(&mut output, &["\n"]), ["four"]);
        assert_eq!(lines(&output), ["", "four"]);
    }

    #[test]
    fn without_lines_to_keep_there_is_the_unfinished_one() {
        let mut output = Output::new(0);
        assert_eq!(push(&mut output, &["one\ntwo"]), ["one"]);
        assert_eq!(lines(&output), ["two"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_several() {
        let mut output = Output::new(10);
        let long = "x".repeat(LONGEST_LINE * 2 + 5);
        let lengths = |lines: Vec<String>| lines.iter().map(String::len).collect::<Vec<_>>();
        let halves = long.split_at(LONGEST_LINE / 2);
        assert_eq!(lengths(push(&mut output, &[halves.0, halves.1])), [LONGEST_LINE; 2]);
        assert_eq!(lengths(push(&mut output, &["\n"])), [5]);
        let exact = format!("{}\n", &long[..LONGEST_LINE]);
        assert_eq!(lengths(push(&mut output, &[&exact])), [LONGEST_LINE]);
        assert_eq!(lengths(lines(&output)), [LONGEST_LINE, LONGEST_LINE, 5, LONGEST_LINE]);
        let longer = format!("{}\n", &long[..=LONGEST_LINE]);
        assert_eq!(lengths(push(&mut output, &[&longer])), [LONGEST_LINE, 1]);
    }

    #[test]
    fn however_many_lines_are_kept_their_bytes_are_bounded() {
        let mut output = Output::new(u32::MAX);
        let long = "x".repeat(LONGEST_LINE - 1) + "\n";
        for _ in 0..KEPT / LONGEST_LINE * 2 {
            push(&mut output, &[&long]);
        }
        let kept: usize = output.lines().iter().map(|line| line.len() + OVERHEAD).sum();
        assert!(kept <= KEPT && kept > KEPT - 2 * LONGEST_LINE, "{kept}");
        output.push(&vec![b'\n'; KEPT / OVERHEAD + 100], |_| {});
        assert_eq!(output.lines().len(), KEPT / OVERHEAD);
    }

    #[test]
    fn the_tail_is_a_text() {
        let mut output = Output::new(9);
        output.push(b"one\ntw\xff\nthree", |_| {});
        assert_eq!(output.tail(2), "tw\u{fffd}\nthree");
        assert_eq!(output.tail(9), "one\ntw\u{fffd}\nthree");
        assert_eq!(output.tail(0), "");
    }
}

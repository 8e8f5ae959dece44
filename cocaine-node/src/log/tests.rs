use std::{
    fs,
    io::{self, Write},
    path::Path,
    sync::{Arc, Condvar, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use cocaine::{Bytes, Scalar};
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt;

use super::{Log, LogBuilder, LogLayer, LogRecord, MAX_QUEUED_RECORDS, TerminalFormat, file::LogFile};

/// A terminal that records its output and can block.
#[derive(Clone, Default)]
struct TestTerminal(Arc<(Mutex<TerminalState>, Condvar)>);

#[derive(Default)]
struct TerminalState {
    bytes: Vec<u8>,
    writes_blocked: bool,
    /// A write is blocked.
    write_waiting: bool,
}

impl TestTerminal {
    fn block_writes(&self) {
        self.0.0.lock().unwrap().writes_blocked = true;
    }

    /// Waits until a write is blocked.
    fn wait_until_blocked(&self) {
        let limit = Duration::from_mins(1);
        let state = self.0.0.lock().unwrap();
        let (_state, result) =
            self.0.1.wait_timeout_while(state, limit, |state| !state.write_waiting).unwrap();
        assert!(!result.timed_out(), "no write is blocked");
    }

    fn unblock_writes(&self) {
        self.0.0.lock().unwrap().writes_blocked = false;
        self.0.1.notify_all();
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.0.lock().unwrap().bytes.clone()).unwrap()
    }
}

impl Write for TestTerminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.write_waiting = state.writes_blocked;
        changed.notify_all();
        let mut state = changed.wait_while(state, |state| state.writes_blocked).unwrap();
        state.write_waiting = false;
        state.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn log_to(terminal: &TestTerminal, colour: bool) -> LogBuilder {
    let format = if colour { TerminalFormat::ColouredText } else { TerminalFormat::Text };
    Log::builder().terminal(Box::new(terminal.clone()), format)
}

fn record(severity: i32, message: &str, attributes: &[(&str, Scalar)]) -> LogRecord {
    LogRecord {
        time: UNIX_EPOCH + Duration::from_micros(1_767_225_599_123_456),
        severity: severity.into(),
        source: "app/echo".into(),
        message: message.into(),
        attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    }
}

async fn terminal_output(colour: bool, records: &[LogRecord]) -> String {
    let terminal = TestTerminal::default();
    let log = log_to(&terminal, colour).start().unwrap();
    for record in records {
        log.write(record.clone());
    }
    log.close().await;
    terminal.text()
}

#[tokio::test]
async fn terminal_lines_can_be_json() {
    let terminal = TestTerminal::default();
    let builder = Log::builder().terminal(Box::new(terminal.clone()), TerminalFormat::Json);
    let log = builder.start().unwrap();
    log.write(record(2, "two\nlines", &[("key", 1.into())]));
    log.close().await;
    let line: Value = serde_json::from_str(terminal.text().strip_suffix('\n').unwrap()).unwrap();
    assert_eq!((&line["message"], &line["attributes"]["key"]), (&"two\nlines".into(), &1.into()));
}

async fn file_lines(path: &Path, records: &[LogRecord]) -> Vec<Value> {
    let log = Log::builder().file(path).start().unwrap();
    for record in records {
        log.write(record.clone());
    }
    log.close().await;
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn recorded_attributes() -> [(&'static str, Scalar); 5] {
    [
        ("k1", "v1".into()),
        ("k2", Scalar::UInt(42)),
        ("k3", Scalar::Int(-1)),
        ("k4", true.into()),
        ("k5", 1.5.into()),
    ]
}

#[tokio::test]
async fn terminal_gets_readable_lines() {
    let records = [
        record(0, "low", &[]),
        record(1, "hello", &recorded_attributes()),
        record(2, "careful", &[("blank", "a b".into())]),
        record(3, "broken", &[]),
        record(-7, "odd", &[]),
    ];
    let expected = "\
2025-12-31T23:59:59.123Z DEBUG   app/echo: low
2025-12-31T23:59:59.123Z INFO    app/echo: hello  k1=v1 k2=42 k3=-1 k4=true k5=1.5
2025-12-31T23:59:59.123Z WARNING app/echo: careful  blank=a b
2025-12-31T23:59:59.123Z ERROR   app/echo: broken
2025-12-31T23:59:59.123Z -7      app/echo: odd
";
    assert_eq!(terminal_output(false, &records).await, expected);
}

#[tokio::test]
async fn colour_only_adds_escape_sequences() {
    let records = [record(3, "broken", &[("k", 1.into())])];
    let coloured = terminal_output(true, &records).await;
    assert!(coloured.contains("\x1b[31mERROR  \x1b[0m"), "{coloured:?}");
    let mut stripped = coloured;
    for code in ["\x1b[31m", "\x1b[2m", "\x1b[0m"] {
        stripped = stripped.replace(code, "");
    }
    assert_eq!(stripped, terminal_output(false, &records).await);
}

#[tokio::test]
async fn control_characters_are_escaped() {
    let hostile = "one\ntwo\r\x1b[2Jthree\u{9b}\tfour\u{7f}ü";
    let mut record =
        record(1, hostile, &[("a\nb", "x\ny".into()), ("raw", Bytes::from(&b"\xffz"[..]).into())]);
    record.source = "app\nfake".into();
    assert_eq!(
        terminal_output(true, &[record.clone()]).await.matches('\x1b').count(),
        terminal_output(true, &[harmless_record(&record)]).await.matches('\x1b').count(),
        "only the escapes of the colours"
    );
    assert_eq!(
        terminal_output(false, &[record]).await,
        "2025-12-31T23:59:59.123Z INFO    app\\nfake: one\n    | two\\r\\u{1b}[2Jthree\\u{9b}\tfour\\u{7f}ü  \
         a\\nb=x\\ny raw=\u{fffd}z\n"
    );
}

fn harmless_record(record: &LogRecord) -> LogRecord {
    LogRecord { message: "harmless".into(), source: "app".into(), ..record.clone() }
}

#[tokio::test]
async fn file_gets_one_json_line_per_record() {
    let folder = tempfile::tempdir().unwrap();
    let raw = Scalar::Raw(Bytes::from(&b"\xffz"[..]));
    let records = [
        record(1, "hello\n\"you\"", &recorded_attributes()),
        record(
            9,
            "odd",
            &[("raw", raw), ("twice", 1.into()), ("nan", f64::NAN.into()), ("twice", true.into())],
        ),
        record(0, "bare", &[]),
    ];
    let path = folder.path().join("log");
    let expected = [
        json!({
            "time": "2025-12-31T23:59:59.123456Z", "severity": 1, "level": "info", "source": "app/echo",
            "message": "hello\n\"you\"", "attributes": {"k1": "v1", "k2": 42, "k3": -1, "k4": true, "k5": 1.5},
        }),
        json!({
            "time": "2025-12-31T23:59:59.123456Z", "severity": 9, "level": "9", "source": "app/echo",
            "message": "odd", "attributes": {"raw": "\u{fffd}z", "twice": [1, true], "nan": "NaN"},
        }),
        json!({
            "time": "2025-12-31T23:59:59.123456Z", "severity": 0, "level": "debug", "source": "app/echo",
            "message": "bare",
        }),
    ];
    assert_eq!(file_lines(&path, &records).await, expected);
    assert_eq!(file_lines(&path, &records[2..]).await.len(), 4, "a file is appended to");
}

#[tokio::test]
async fn verbosity_is_a_threshold() {
    let log = Log::builder().verbosity(2).start().unwrap();
    assert_eq!(log.verbosity(), 2);
    let enabled = [-1, 0, 1, 2, 3, 100].map(|severity| log.is_enabled(severity.into()));
    assert_eq!(enabled, [false, false, false, true, true, true]);
    assert_eq!(Log::builder().start().unwrap().verbosity(), 0);
}

#[tokio::test]
async fn records_dropped_on_full_queue_are_reported() {
    let terminal = TestTerminal::default();
    let log = log_to(&terminal, false).start().unwrap();
    terminal.block_writes();
    log.write(record(1, "first", &[]));
    terminal.wait_until_blocked();
    for number in 0..MAX_QUEUED_RECORDS + 10 {
        log.write(record(1, &format!("record {number}."), &[]));
    }
    terminal.unblock_writes();
    log.close().await;
    let text = terminal.text();
    assert!(
        text.contains(&format!("record {}.", MAX_QUEUED_RECORDS - 1)),
        "the queue held {MAX_QUEUED_RECORDS}"
    );
    assert!(!text.contains(&format!("record {MAX_QUEUED_RECORDS}.")), "the next one is dropped");
    assert!(text.contains("WARNING node/log: 10 records were dropped"), "{}", &text[text.len() - 300..]);
    assert_eq!(text.matches("were dropped").count(), 1);
}

#[tokio::test]
async fn queue_is_limited_in_bytes_too() {
    let terminal = TestTerminal::default();
    let log = log_to(&terminal, false).start().unwrap();
    terminal.block_writes();
    log.write(record(1, "first", &[]));
    terminal.wait_until_blocked();
    let megabyte = "x".repeat(1 << 20);
    for _ in 0..10 {
        log.write(record(1, &megabyte, &[]));
        log.write(record(1, "short", &[("k", megabyte.clone().into())]));
    }
    log.write(record(1, "too late", &[]));
    terminal.unblock_writes();
    log.close().await;
    let text = terminal.text();
    // Each record takes a little more than a megabyte, so fifteen fill the queue.
    assert!(text.contains("5 records were dropped"), "{}", &text[text.len() - 300..]);
    assert!(!text.contains("too late"));
    log.write(record(1, "after the end", &[]));
}

#[tokio::test]
async fn single_record_may_exceed_the_queue() {
    let text = terminal_output(false, &[record(1, &"x".repeat(20 << 20), &[])]).await;
    assert!(text.len() > 20 << 20);
}

#[tokio::test]
async fn dropping_last_handle_writes_the_queue() {
    let terminal = TestTerminal::default();
    let log = log_to(&terminal, false).start().unwrap();
    let mut end = log.end.clone();
    log.write(record(1, "last words", &[]));
    drop(log);
    while end.changed().await.is_ok() {}
    assert!(terminal.text().contains("last words"));
}

#[test]
fn unopenable_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing/log");
    let error = Log::builder().file(&path).start().unwrap_err();
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn unwritable_file_is_reported_once() {
    let terminal = TestTerminal::default();
    let log = log_to(&terminal, false).file("/dev/full").start().unwrap();
    for number in 0..5 {
        log.write(record(1, &format!("record {number}"), &[]));
        // Each record is a batch of its own.
        while !terminal.text().contains(&format!("record {number}")) {
            tokio::task::yield_now().await;
        }
    }
    log.close().await;
    let text = terminal.text();
    assert_eq!(
        text.matches("ERROR   node/log: the log file /dev/full cannot be written").count(),
        1,
        "{text}"
    );
    assert_eq!(text.lines().count(), 6, "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn recovered_file_reports_lost_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut file = LogFile::open(path.clone()).unwrap();
    assert_eq!(file.write(b"one\n"), None);
    file.redirect("/dev/full");
    let failure = file.write(b"two\nthree\n").unwrap();
    assert!(failure.contains("cannot be written"), "{failure}");
    assert_eq!(file.write(b"four\n"), None);
    file.redirect(&path);
    let recovery = file.write(b"five\n").unwrap();
    assert!(recovery.contains("3 lines are missing"), "{recovery}");
    file.append_partial_line();
    assert_eq!(file.write(b"six\n"), None);
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\nfive\ntorn\nsix\n");
}

#[tokio::test]
async fn reopened_log_continues_in_a_new_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
    let log = Log::builder().file(&path).start().unwrap();
    log.write(record(1, "one", &[]));
    fs::rename(&path, &moved).unwrap();
    log.write(record(1, "two", &[]));
    log.reopen(Some(path.clone())).await.unwrap();
    log.write(record(1, "three", &[]));
    let missing = log.reopen(Some(folder.path().join("no/log"))).await.unwrap_err().to_string();
    assert!(missing.starts_with("cannot open the log file "), "{missing}");
    log.write(record(1, "four", &[]));
    log.reopen(None).await.unwrap();
    log.write(record(1, "five", &[]));
    log.close().await;
    let messages = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        let message = |line: &str| serde_json::from_str::<Value>(line).unwrap()["message"].clone();
        text.lines().map(message).collect::<Vec<_>>()
    };
    assert_eq!(messages(&moved), ["one", "two"]);
    assert_eq!(messages(&path), ["three", "four"]);
    assert_eq!(log.reopen(None).await.unwrap_err().to_string(), "the log is closed");
}

#[tokio::test]
async fn tracing_events_go_into_the_log() {
    let terminal = TestTerminal::default();
    let log = log_to(&terminal, false).verbosity(3).start().unwrap();
    let subscriber = tracing_subscriber::registry().with(LogLayer::new(log.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let error: &dyn std::error::Error = &io::Error::other("no luck");
        tracing::warn!(target: "node/test", error, count = 3, name = "x", odd = ?Some(1), "it {}", "failed");
        let span = tracing::info_span!("request", id = "r-1", absent = tracing::field::Empty);
        span.in_scope(|| tracing::debug!(target: "node/test", count = 2, "quiet"));
        tracing::info!(target: "node/test", negative = -3, truth = true, part = 0.5);
    });
    log.close().await;
    let text: Vec<_> = terminal.text().lines().map(|line| line[25..].to_owned()).collect();
    let expected = [
        "WARNING node/test: it failed  error=no luck count=3 name=x odd=Some(1)",
        "DEBUG   node/test: quiet  id=r-1 count=2",
        "INFO    node/test:   negative=-3 truth=true part=0.5",
    ];
    assert_eq!(text, expected);
}

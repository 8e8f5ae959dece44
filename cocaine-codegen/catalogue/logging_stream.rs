/// What workers print and what is logged, line by line as it comes. Nodes of this project serve it, originals do not.
#[service(name = "logging::stream", version = 1)]
trait LoggingStream {
    /// Streams the lines of `sources` that are at least as severe as `severity`, beginning with the last `history` of them.
    ///
    /// The source of what the workers of an app print is `app/` and its name; what is logged has the source that `emit`
    /// gives. A source stands for itself and for those below it, so that `app/echo` is also `app/echo/part`, and `app` is
    /// all apps. No source stands for all. What workers print has the severity `Info`, and what `logging` drops is not
    /// streamed.
    ///
    /// Nobody waits for the client: while it does not read, lines are dropped, and their number comes with the next item.
    /// The stream ends with the node. A client that has had enough drops it, which sends `close`.
    ///
    /// # Errors
    ///
    /// Category 12, code 11 if there are as many streams as there may be, and 12, 7 for more than 64 sources or 64 KiB of them.
    fn follow(sources: &[&str], severity: Severity, history: u64) -> Stream<LogLines>;
}

/// Lines in the order in which they came.
struct LogLines {
    /// How many lines before these were dropped.
    lost: u64,
    /// The lines.
    lines: Vec<StreamedLine>,
}

/// One line.
struct StreamedLine {
    /// When it came, in microseconds since 1970.
    time: u64,
    /// How severe it is.
    severity: Severity,
    /// Where it comes from.
    source: String,
    /// The uuid of the worker that has printed it; none has if it was logged.
    worker: Option<String>,
    /// The line without its end, or the message. What a worker prints is bytes as they are, which need not be UTF-8; in
    /// what is logged, `logging` has put replacement characters for others. At most 64 KiB; a longer message is cut, and
    /// what a worker prints goes on in the next line.
    message: Bytes,
    /// The attributes of what was logged.
    attributes: Vec<(String, Scalar)>,
}

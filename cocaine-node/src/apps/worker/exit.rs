//! How a worker ends.

use cocaine::{Bytes, Category, Code, Error};

/// Codes of [`Category::SLAVE`].
pub(super) mod code {
    pub(crate) const SPAWN: i64 = 1;
    pub(crate) const ACTIVATE_TIMEOUT: i64 = 4;
    pub(crate) const ACTIVATE: i64 = 5;
    pub(crate) const SEAL_TIMEOUT: i64 = 6;
    pub(crate) const HEARTBEAT_TIMEOUT: i64 = 8;
    pub(crate) const LOST: i64 = 10;
    pub(crate) const SHUTDOWN: i64 = 11;
    pub(crate) const SUICIDE: i64 = 12;
    pub(crate) const IDLE: i64 = 13;
    pub(crate) const SEALED: i64 = 14;
}

/// How a worker has ended.
#[derive(Clone, Debug)]
pub(crate) struct WorkerExit {
    pub(crate) code: i64,
    pub(crate) reason: String,
    /// The last lines of its output, as a text.
    pub(crate) output: String,
    /// All lines of its output that were retained.
    pub(crate) lines: Vec<Bytes>,
    /// Counts as a crash: the output is stored, and the next worker has to wait.
    pub(crate) crashed: bool,
    /// The worker was terminated for having no events.
    pub(crate) idle: bool,
}

impl WorkerExit {
    pub(super) fn crash(code: i64, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { code, reason, output: String::new(), lines: Vec::new(), crashed: true, idle: false }
    }

    /// Returns the exit of a worker that the node has terminated.
    pub(super) fn terminated(code: i64, reason: impl Into<String>) -> Self {
        Self { crashed: false, idle: code == code::IDLE, ..Self::crash(code, reason) }
    }

    /// Returns the exit of a worker that has not ended in time when the node stops.
    pub(crate) fn killed() -> Self {
        Self::terminated(code::SHUTDOWN, "it is killed: it did not end before the node stops")
    }

    /// Returns what stands for the exit of a worker that is not started, since the node has as many as it may.
    pub(crate) fn node_limit(limit: usize) -> Self {
        Self::crash(code::SPAWN, format!("the node may run {limit} workers, and does (`apps.max_workers`)"))
    }

    /// Returns the exit of a worker whose task in the node has panicked.
    pub(crate) fn task_failed() -> Self {
        Self::crash(code::ACTIVATE, "the node failed to look after it")
    }

    /// Returns the error for a client whose event waits for an app that does not start.
    pub(crate) fn to_client_error(&self, app: &str) -> Error {
        let output = match self.output.trim_end() {
            "" => "it has printed nothing".to_owned(),
            output => format!("its output ends with:\n{output}"),
        };
        let text = format!("the app `{app}` does not start: {}; {output}", self.reason);
        Error::service(Code::new(Category::SLAVE, self.code), text)
    }
}

/// How a worker's connection has ended, and the cause that its clients get.
pub(super) struct ConnectionEnd {
    pub(super) exit: WorkerExit,
    pub(super) cause: Code,
}

impl ConnectionEnd {
    /// The node has closed it.
    pub(super) fn closed(exit: WorkerExit) -> Self {
        Self { exit, cause: Code::CANCELLED }
    }

    /// It broke.
    pub(super) fn lost(error: &Error) -> Self {
        let exit = WorkerExit::crash(code::LOST, error.kind().to_string());
        Self { exit, cause: error.wire_code().unwrap_or(Code::EOF) }
    }

    /// The process exited, and the connection remained open.
    pub(super) fn process_exited() -> Self {
        Self { exit: WorkerExit::crash(code::LOST, "its process has ended"), cause: Code::EOF }
    }
}

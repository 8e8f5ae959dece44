//! The states of a worker.

/// The state of a worker, by the names that reports use.
///
/// ```text
///            process started      handshake           seal, idle
///  Spawning ----------------> Handshaking ------> Active ------> Sealing
///     |                            |               |  |           |  |
///     | failed,                    | failed,  stop |  |           |  | drained,
///     | late                       | late          |  | lost,     |  | late, stop
///     |                            |               v  | silent    |  v
///     |                            |         Terminating <-----------+
///     |                            |               |  |           |
///     |                            v               v  v           v lost, silent
///     |                            +-----------> Broken <---------+
///     v                                            | process ended
///  (removed) <-------------------------------------+
/// ```
///
/// Only an active worker gets events. A stopping app also ends workers that are still handshaking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkerState {
    Spawning,
    Handshaking,
    Active,
    Sealing,
    Terminating,
    Broken,
}

impl WorkerState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Spawning => "spawning",
            Self::Handshaking => "handshaking",
            Self::Active => "active",
            Self::Sealing => "sealing",
            Self::Terminating => "terminating",
            Self::Broken => "broken",
        }
    }
}

//! Processes that end together.

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;

/// The group of a process that was started as the leader of one. Dropping this kills whatever is in it.
#[derive(Debug)]
pub(super) struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    pub(super) fn of(leader: &Child) -> Self {
        Self(leader.id().and_then(|id| Pid::from_raw(id.cast_signed())))
    }

    /// Sends a signal to all processes.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // Fails only if all of them have ended.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Lets those live that the leader has left behind. To be called once it was waited for.
    pub(super) fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

//! The end of commands by Ctrl-C.

use std::future::Future;

use crate::error::{ExitStatus, Result};

/// Runs a command until Ctrl-C. What it waits for is dropped then.
pub(super) async fn until_interrupted(
    command: impl Future<Output = Result<ExitStatus>>,
) -> Result<ExitStatus> {
    unless_interrupted(command).await.unwrap_or(Ok(ExitStatus::Interrupted))
}

/// Returns what a part of a command does, or `None` after Ctrl-C. It is dropped then.
pub(super) async fn unless_interrupted<T>(part: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = part => Some(done),
        Ok(()) = tokio::signal::ctrl_c() => None,
    }
}

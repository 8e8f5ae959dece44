//! The first process of a container.
//!
//! Every process whose parent has ended becomes a child of process 1, which has to wait for it, or it stays as a zombie.
//! A node waits for its own workers only. Therefore process 1 runs the node as its child, passes the signals on to it, and
//! waits for whatever else ends.

use std::{
    env, io,
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};
use tokio::signal::unix::{self, SignalKind, signal};

use crate::program::error::ProgramError;

/// The id of the process that orphans are given to.
pub(crate) const PID: u32 = 1;

/// The signals that are passed on.
const FORWARDED: [Signal; 6] =
    [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1, Signal::USR2];

/// Runs this program again as a child, until that ends. Returns its exit code.
pub(crate) fn run() -> Result<ExitCode, ProgramError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(run_child())?)
}

async fn run_child() -> io::Result<ExitCode> {
    let mut ended = signal(SignalKind::child())?;
    let mut caught = FORWARDED
        .into_iter()
        .map(|kind| Ok((kind, signal(SignalKind::from_raw(kind.as_raw()))?)))
        .collect::<io::Result<Vec<_>>>()?;
    let child = spawn_child()?;
    loop {
        tokio::select! {
            _ = ended.recv() => if let Some(code) = reap(child)? {
                return Ok(code);
            },
            signal = next_signal(&mut caught) => {
                // Fails only if the child has ended, which is noticed next.
                let _ = kill_process(child, signal);
            }
        }
    }
}

fn spawn_child() -> io::Result<Pid> {
    let mut args = env::args_os();
    let mut command = Command::new("/proc/self/exe");
    command.arg0(args.next().unwrap_or_else(|| "cocaine-node".into())).args(args);
    // A terminal sends its signals to the whole group: those of the child come from here alone.
    let child = command.process_group(0).spawn()?;
    Pid::from_raw(child.id().cast_signed()).ok_or_else(|| io::Error::other("the child has no process id"))
}

async fn next_signal(caught: &mut [(Signal, unix::Signal)]) -> Signal {
    std::future::poll_fn(|cx| {
        let mut ready = caught.iter_mut().filter_map(|(kind, signal)| match signal.poll_recv(cx) {
            std::task::Poll::Ready(_) => Some(*kind),
            std::task::Poll::Pending => None,
        });
        ready.next().map_or(std::task::Poll::Pending, std::task::Poll::Ready)
    })
    .await
}

/// Waits for all processes that have ended. Returns the exit code of the child if it is among them.
fn reap(child: Pid) -> io::Result<Option<ExitCode>> {
    while let Some((pid, status)) = wait(WaitOptions::NOHANG)? {
        if pid == child {
            return Ok(Some(exit_code(status)));
        }
    }
    Ok(None)
}

/// Returns the exit code of a process, as shells report it.
fn exit_code(status: WaitStatus) -> ExitCode {
    let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX))
}

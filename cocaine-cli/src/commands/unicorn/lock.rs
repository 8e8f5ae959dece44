//! A lock that is held while a command runs.

use std::{
    ffi::OsString, io, os::unix::process::ExitStatusExt as _, process::ExitStatus as ProcessStatus,
    time::Duration,
};

use clap::Args;
use cocaine::{Code, Error as CloudError, Guard, ServiceClient as _};
use cocaine_bindings::{Unicorn as _, UnicornClient};
use rustix::{
    process::{Pid, Signal, getpgrp, kill_process},
    termios::tcgetpgrp,
};
use tokio::{
    process::{Child, Command},
    signal::unix::{Signal as SignalStream, SignalKind, signal},
    time::timeout,
};

use super::path;
use crate::{
    commands::interruption::unless_interrupted,
    environment::{Environment, seconds},
    error::{Error, ExitStatus, Result},
};

/// After how long it is said that somebody else has the lock.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often a lock is asked for whose path somebody else creates at the same moment.
const MAX_ATTEMPTS: usize = 5;

/// Holds a lock while a command runs
///
/// Examples:
///
///   cocaine unicorn lock /locks/backup -- ./backup.sh
///
///   cocaine unicorn lock /locks/backup --wait 5 -- sh -c 'sleep 1; date'
///
/// The exit code is that of the command, or 128 and the number of the signal that has ended it; Ctrl-C is for the command. If the lock is lost,
/// the command gets SIGTERM, and SIGKILL after `--grace` seconds, and the exit code is 1.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(in crate::commands) struct Lock {
    /// The path of the lock
    #[arg(value_parser = path)]
    path: String,
    /// Wait no longer than this for whoever has the lock
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    wait: Option<Duration>,
    /// How long the command may take to end after the lock is lost
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    grace: Duration,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(super) async fn lock(args: &Lock, environment: &Environment) -> Result<ExitStatus> {
    let Some(guard) = unless_interrupted(acquire(args, environment)).await else {
        return Ok(ExitStatus::Interrupted);
    };
    let guard = guard?;
    let [program, arguments @ ..] = args.command.as_slice() else {
        return Err(Error::Usage("a command is wanted after `--`".to_owned()));
    };
    // The command may be sent one as soon as it runs.
    let mut signals = Signals::new()?;
    let child = Command::new(program).args(arguments).kill_on_drop(true).spawn();
    let child = child
        .map_err(|error| Error::Failed(format!("`{}` cannot be started: {error}", program.display())))?;
    LockedCommand { args, child, environment }.run(guard, &mut signals).await
}

/// The signals that are for the command.
struct Signals {
    interrupt: SignalStream,
    terminate: SignalStream,
    hang_up: SignalStream,
}

impl Signals {
    fn new() -> Result<Self> {
        let stream = |kind| {
            signal(kind).map_err(|error| Error::Failed(format!("signals cannot be received: {error}")))
        };
        Ok(Self {
            interrupt: stream(SignalKind::interrupt())?,
            terminate: stream(SignalKind::terminate())?,
            hang_up: stream(SignalKind::hangup())?,
        })
    }

    /// Returns the next signal that the command has not received itself.
    async fn next(&mut self) -> Signal {
        loop {
            tokio::select! {
                // A terminal has sent it to the command as well.
                _ = self.interrupt.recv() => if !is_in_foreground() { return Signal::INT },
                _ = self.terminate.recv() => return Signal::TERM,
                _ = self.hang_up.recv() => return Signal::HUP,
            }
        }
    }
}

async fn acquire(args: &Lock, environment: &Environment) -> Result<Guard> {
    let mut unicorn: UnicornClient = environment.service(&environment.cloud()?).await?;
    if let Some(wait) = args.wait {
        unicorn = unicorn.with_deadline(wait);
    }
    for _ in 1..MAX_ATTEMPTS {
        match acquire_once(&unicorn, args, environment).await {
            Err(error) if error.code() == Some(Code::NODE_EXISTS) => {}
            acquired => return acquired.map_err(not_acquired(&args.path)),
        }
    }
    acquire_once(&unicorn, args, environment).await.map_err(not_acquired(&args.path))
}

async fn acquire_once(
    unicorn: &UnicornClient,
    args: &Lock,
    environment: &Environment,
) -> Result<Guard, CloudError> {
    let mut acquiring = Box::pin(unicorn.lock(&args.path));
    if let Ok(acquired) = timeout(PATIENCE, &mut acquiring).await {
        return acquired;
    }
    environment.output.note(format_args!("waiting for the lock {}", args.path));
    acquiring.await
}

fn not_acquired(path: &str) -> impl FnOnce(CloudError) -> Error {
    Error::while_doing(format!("the lock {path} is not acquired"))
}

/// A command that runs for as long as the lock is held.
struct LockedCommand<'a> {
    args: &'a Lock,
    child: Child,
    environment: &'a Environment,
}

impl LockedCommand<'_> {
    async fn run(mut self, mut guard: Guard, signals: &mut Signals) -> Result<ExitStatus> {
        loop {
            tokio::select! {
                ended = self.child.wait() => return Ok(status_of(ended?)),
                error = guard.lost() => return self.end_after_loss(&error).await,
                signal = signals.next() => self.send(signal),
            }
        }
    }

    /// Ends the command, which has no lock any more.
    async fn end_after_loss(mut self, error: &CloudError) -> Result<ExitStatus> {
        let (path, output) = (&self.args.path, self.environment.output);
        output.note(format_args!("error: the lock {path} is lost: {error}; the command gets SIGTERM"));
        self.send(Signal::TERM);
        if let Ok(ended) = timeout(self.args.grace, self.child.wait()).await {
            ended?;
        } else {
            output.note(format_args!("it has not ended within {:?}, and gets SIGKILL", self.args.grace));
            self.child.kill().await?;
        }
        Ok(ExitStatus::Failed)
    }

    /// Sends a signal to the command, unless it has ended.
    fn send(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        if let Some(pid) = pid {
            // Fails if it has just ended.
            let _ = kill_process(pid, signal);
        }
    }
}

/// Returns whether the terminal sends Ctrl-C to this program, and so to the command, which has the same group.
fn is_in_foreground() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
}

/// Returns with what the program ends after a command, as shells do.
fn status_of(ended: ProcessStatus) -> ExitStatus {
    let code = ended.code().or_else(|| Some(128 + ended.signal()?)).and_then(|code| u8::try_from(code).ok());
    ExitStatus::Command(code.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_shells() {
        for (raw, code) in [(0, 0), (7 << 8, 7), (255 << 8, 255), (2, 130), (9, 137)] {
            assert_eq!(status_of(ProcessStatus::from_raw(raw)).code(), code);
        }
    }
}

//! The signals that the program handles.

use std::{io, process::ExitCode};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals of the program. None of them is lost while nobody waits for it.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

/// A signal that the program handles.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ProgramSignal {
    Stop(StopSignal),
    /// Reopens the log and reads the configuration again.
    Hangup,
}

/// A signal that stops the program.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StopSignal {
    Interrupt,
    Terminate,
}

impl Signals {
    /// Catches the signals from now on.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal.
    pub(crate) async fn recv(&mut self) -> ProgramSignal {
        tokio::select! {
            _ = self.interrupt.recv() => ProgramSignal::Stop(StopSignal::Interrupt),
            _ = self.terminate.recv() => ProgramSignal::Stop(StopSignal::Terminate),
            _ = self.hangup.recv() => ProgramSignal::Hangup,
        }
    }

    /// Waits for the next signal that stops the program.
    pub(crate) async fn recv_stop(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.interrupt.recv() => StopSignal::Interrupt,
            _ = self.terminate.recv() => StopSignal::Terminate,
        }
    }
}

impl StopSignal {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Interrupt => "interrupted",
            Self::Terminate => "told to terminate",
        }
    }

    /// Returns the exit code of a program that the signal has ended, as shells report it.
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        })
    }
}

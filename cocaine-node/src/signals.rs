//! The signals that the program handles.

use std::{io, process::ExitCode};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that stop the program.
pub(crate) struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

/// A signal that stops the program.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StopSignal {
    Interrupt,
    Terminate,
}

impl StopSignals {
    /// Catches the signals from now on.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next signal.
    pub(crate) async fn recv(&mut self) -> StopSignal {
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

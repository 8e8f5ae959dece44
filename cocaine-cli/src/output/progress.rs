//! What takes a while, shown on the terminal of standard error until it is done.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{progress_line::ProgressLine, text::printable};

/// What ends sooner is not shown.
const DELAY: Duration = Duration::from_millis(100);
/// How often the picture changes.
const TICK: Duration = Duration::from_millis(100);

/// The line that the terminal has now, below which nothing else is written.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Shows what is being done, and for how long, until it is dropped. Without a terminal it does nothing.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Shows the line after a while, unless the sender is dropped before.
    delay: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Begins to show something, such as "packing shop". It may have names from the cloud.
    pub(crate) fn start(what: impl AsRef<str>) -> Self {
        // There may be no terminal, or one that cannot erase what it shows.
        let is_hidden = ProgressDrawTarget::stderr().is_hidden();
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_message(printable(what.as_ref()));
        if is_hidden {
            return Self { bar, delay: None };
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed:>4}") {
            bar.set_style(style);
        }
        let (sender, receiver) = mpsc::channel::<()>();
        let later = bar.clone();
        let show = move || {
            if receiver.recv_timeout(DELAY) == Err(RecvTimeoutError::Timeout) {
                *shown() = Some(later.clone());
                later.set_draw_target(ProgressDrawTarget::term_like(Box::<ProgressLine>::default()));
                later.enable_steady_tick(TICK);
            }
        };
        // Without a thread there is nothing to see, which is no failure.
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(show).ok();
        Self { bar, delay: thread.map(|thread| (sender, thread)) }
    }

    /// Says what is being done now.
    pub(crate) fn step(&self, what: impl AsRef<str>) {
        self.bar.set_message(printable(what.as_ref()));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some((sender, thread)) = self.delay.take() else { return };
        drop(sender);
        let _ = thread.join();
        let mut shown = shown();
        self.bar.finish_and_clear();
        *shown = None;
    }
}

/// Writes something to a terminal while nothing else is shown there.
pub(super) fn suspended<T>(write: impl FnOnce() -> T) -> T {
    match &*shown() {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

fn shown() -> MutexGuard<'static, Option<ProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The terminal while samples are shown on all of it.

mod guard;
mod keys;

use std::{fmt::Write as _, io, io::Write as _, time::Duration};

use crossterm::{
    cursor::MoveTo,
    queue,
    terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, size},
};
use rustix::process::{Signal, kill_current_process_group};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{MissedTickBehavior, interval, timeout},
};

use self::{
    guard::FullScreen,
    keys::{Key, Keys},
};
use crate::{
    error::{ExitStatus, Result},
    monitor::{AppScreen, Sample, Sampler},
    output::Colors,
};

/// How long a process that is to be stopped goes on at most. One that cannot be stopped goes on after that.
const STOP_LIMIT: Duration = Duration::from_millis(200);

/// Shows samples until a key or a signal ends it.
pub(super) async fn show(sampler: Sampler, mut screen: AppScreen, pause: Duration) -> Result<ExitStatus> {
    let mut full_screen = FullScreen::enter()?;
    let mut keys = Keys::read();
    let (mut terminated, mut hung_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    let mut resized = signal(SignalKind::window_change())?;
    let mut results = sample_repeatedly(sampler, pause);
    let colors = Colors::of(&io::stdout());
    loop {
        let (columns, rows) = size()?;
        screen.resize(columns, rows);
        draw(&screen, colors)?;
        let key = tokio::select! {
            result = results.recv() => {
                screen.update(result.unwrap_or_else(|| Err("no more samples are taken".to_owned())));
                continue;
            }
            _ = resized.recv() => continue,
            key = keys.next() => key,
            _ = terminated.recv() => return Ok(ExitStatus::Interrupted),
            _ = hung_up.recv() => return Ok(ExitStatus::Interrupted),
        };
        match key {
            // There is no terminal any more.
            None => return Ok(ExitStatus::Done),
            Some(Key::Interrupt) => return Ok(ExitStatus::Interrupted),
            Some(Key::Stop) => {
                drop(full_screen);
                stop().await?;
                full_screen = FullScreen::enter()?;
            }
            Some(Key::Screen(key)) => {
                if screen.press(key) {
                    return Ok(ExitStatus::Done);
                }
            }
        }
    }
}

/// Takes samples in a task of its own, so that keys work while the node is slow.
fn sample_repeatedly(mut sampler: Sampler, pause: Duration) -> mpsc::Receiver<Result<Sample, String>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut ticks = interval(pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let result = sampler.sample().await.map_err(|error| error.to_string());
            if sender.send(result).await.is_err() {
                return;
            }
        }
    });
    receiver
}

/// Stops the job of the shell as Ctrl-Z does, until it goes on.
async fn stop() -> io::Result<()> {
    let mut continued = signal(SignalKind::from_raw(Signal::CONT.as_raw()))?;
    kill_current_process_group(Signal::TSTP)?;
    // The process that leads a session is not stopped.
    let _ = timeout(STOP_LIMIT, continued.recv()).await;
    Ok(())
}

fn draw(screen: &AppScreen, colors: Colors) -> io::Result<()> {
    let mut frame = String::new();
    for (number, line) in screen.lines().iter().enumerate() {
        frame.push_str(if number == 0 { "" } else { "\r\n" });
        for (style, text) in line {
            let _ = write!(frame, "{}", colors.paint(*style, text));
        }
        frame.push_str("\x1b[K");
    }
    let mut out = io::stdout().lock();
    queue!(out, BeginSynchronizedUpdate, MoveTo(0, 0))?;
    out.write_all(frame.as_bytes())?;
    queue!(out, Clear(ClearType::FromCursorDown), EndSynchronizedUpdate)?;
    out.flush()
}

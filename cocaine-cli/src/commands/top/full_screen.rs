//! The terminal while samples are shown on all of it.

mod guard;

use std::{fmt::Write as _, io, io::Write as _, time::Duration};

use crossterm::{
    cursor::MoveTo,
    event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
    queue,
    terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, size},
};
use futures_util::StreamExt as _;
use rustix::process::{Signal, kill_current_process_group};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{MissedTickBehavior, interval, timeout},
};

use self::guard::FullScreen;
use crate::{
    error::{ExitStatus, Result},
    monitor::{AppScreen, Sample, Sampler, ScreenKey},
    output::Colors,
};

/// How long a process that is to be stopped goes on at most. One that cannot be stopped goes on after that.
const STOP_LIMIT: Duration = Duration::from_millis(200);

/// What a key does.
enum Action {
    Continue,
    Stop,
    Quit(ExitStatus),
}

/// Shows samples until a key or a signal ends it.
pub(super) async fn show(sampler: Sampler, mut screen: AppScreen, pause: Duration) -> Result<ExitStatus> {
    let mut full_screen = FullScreen::enter()?;
    let mut keys = EventStream::new();
    let (mut terminated, mut hung_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    let mut results = sample_repeatedly(sampler, pause);
    let colors = Colors::of(&io::stdout());
    loop {
        let (columns, rows) = size()?;
        screen.resize(columns, rows);
        draw(&screen, colors)?;
        let event = tokio::select! {
            result = results.recv() => {
                screen.update(result.unwrap_or_else(|| Err("no more samples are taken".to_owned())));
                continue;
            }
            event = keys.next() => event,
            _ = terminated.recv() => return Ok(ExitStatus::Interrupted),
            _ = hung_up.recv() => return Ok(ExitStatus::Interrupted),
        };
        // Without an event there is no terminal any more.
        let Some(event) = event.transpose()? else { return Ok(ExitStatus::Done) };
        match action(&event, &mut screen) {
            Action::Continue => {}
            Action::Quit(status) => return Ok(status),
            Action::Stop => {
                drop((full_screen, keys));
                stop().await?;
                (full_screen, keys) = (FullScreen::enter()?, EventStream::new());
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

fn action(event: &Event, screen: &mut AppScreen) -> Action {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => press(key, screen),
        _ => Action::Continue,
    }
}

fn press(key: &KeyEvent, screen: &mut AppScreen) -> Action {
    let key = match (key.code, key.modifiers.contains(KeyModifiers::CONTROL)) {
        (KeyCode::Char('c'), true) => return Action::Quit(ExitStatus::Interrupted),
        (KeyCode::Char('z'), true) => return Action::Stop,
        (KeyCode::Char(character), false) => ScreenKey::Char(character),
        (KeyCode::Enter, _) => ScreenKey::Enter,
        (KeyCode::Esc, _) => ScreenKey::Escape,
        (KeyCode::Backspace, _) => ScreenKey::Backspace,
        (KeyCode::Up, _) => ScreenKey::Up,
        (KeyCode::Down, _) => ScreenKey::Down,
        (KeyCode::PageUp, _) => ScreenKey::PageUp,
        (KeyCode::PageDown, _) => ScreenKey::PageDown,
        (KeyCode::Home, _) => ScreenKey::Home,
        (KeyCode::End, _) => ScreenKey::End,
        _ => return Action::Continue,
    };
    if screen.press(key) { Action::Quit(ExitStatus::Done) } else { Action::Continue }
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

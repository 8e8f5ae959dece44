//! A terminal in which the program runs, and the screen that a person sees.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    num::NonZero,
    os::fd::AsFd as _,
    process::{Child, Command},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

/// How long a screen is waited for before a test fails.
const LIMIT: Duration = Duration::from_mins(1);

/// A pseudo-terminal with a program.
pub(crate) struct Terminal {
    master: File,
    child: Child,
    display: Arc<Display>,
}

/// What the program has drawn.
struct Display {
    parser: Mutex<vt100::Parser>,
    /// Notified after each piece of output.
    is_changed: Condvar,
}

impl Terminal {
    /// Runs `cocaine` in a terminal of this size.
    pub(crate) fn run(size: (u16, u16), locator: &str, args: &[&str]) -> Self {
        let program = env!("CARGO_BIN_EXE_cocaine");
        Self::spawn(size, &[("COCAINE_LOCATOR", locator)], &[&[program], args].concat())
    }

    /// Runs a program with these variables. It is the leader of a session, whose terminal this one is.
    pub(crate) fn spawn((rows, columns): (u16, u16), variables: &[(&str, &str)], words: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap();
        let mut command = Command::new("setsid");
        command.arg("--ctty").args(words);
        for variable in ["CI", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COCAINE_LOCATOR", "COCAINE_CONTEXT"]
        {
            command.env_remove(variable);
        }
        command.env("TERM", "xterm-256color").envs(variables.iter().copied());
        let stream = || slave.try_clone().unwrap();
        command.stdin(stream()).stdout(stream()).stderr(stream());
        let parser = Mutex::new(vt100::Parser::new(nonzero(rows), nonzero(columns), 0));
        let display = Arc::new(Display { parser, is_changed: Condvar::new() });
        let master = File::from(master);
        set_size(&master, rows, columns);
        let child = command.spawn().unwrap();
        let terminal = Self { master, child, display: Arc::clone(&display) };
        let mut output = terminal.master.try_clone().unwrap();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Once nobody has the terminal open, reading fails.
            while let Ok(len @ 1..) = output.read(&mut bytes) {
                display.parser.lock().unwrap().process(&bytes[..len]);
                display.is_changed.notify_all();
            }
        });
        terminal
    }

    /// Waits until the text of the screen is as wanted, and returns it.
    pub(crate) fn wait_for(&self, what: &str, is_wanted: impl Fn(&str) -> bool) -> String {
        let parser = self.display.parser.lock().unwrap();
        let (parser, waited) = self
            .display
            .is_changed
            .wait_timeout_while(parser, LIMIT, |parser| !is_wanted(&parser.screen().contents()))
            .unwrap();
        let text = parser.screen().contents();
        assert!(!waited.timed_out(), "{what}: the screen is\n{text}");
        text
    }

    /// Waits until the screen has a text, and returns the whole.
    pub(crate) fn wait_for_text(&self, text: &str) -> String {
        self.wait_for(text, |screen| screen.contains(text))
    }

    /// Types keys.
    pub(crate) fn send(&self, keys: &str) {
        (&self.master).write_all(keys.as_bytes()).unwrap();
    }

    /// Changes the size.
    pub(crate) fn resize(&self, rows: u16, columns: u16) {
        self.display.parser.lock().unwrap().screen_mut().set_size(nonzero(rows), nonzero(columns));
        set_size(&self.master, rows, columns);
    }

    /// Returns whether the screen is the one for programs that have all of it.
    pub(crate) fn is_alternate(&self) -> bool {
        self.display.parser.lock().unwrap().screen().alternate_screen()
    }

    /// Returns the text of the screen with its colours.
    pub(crate) fn formatted(&self) -> String {
        let parser = self.display.parser.lock().unwrap();
        parser.screen().contents_formatted()
    }

    /// Waits for the end of the program, and returns its exit code.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

fn nonzero(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

fn set_size(master: &File, rows: u16, columns: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(master.as_fd(), size).unwrap();
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

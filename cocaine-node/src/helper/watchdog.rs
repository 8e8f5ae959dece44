//! A shell that outlives this process for a moment, and kills the workers that it has left.
//!
//! The shell reads which process groups there are, one change a line, from a pipe that this process alone has open for writing.
//! The end of the pipe is the end of this process.

use std::{
    io::{self, Write},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

const SHELL: &str = "/bin/sh";

/// Keeps the groups between spaces, and kills them at the end.
const SCRIPT: &str = r#"groups=' '
while read -r change group; do
    case $change in
    +) groups="$groups$group " ;;
    -) groups="${groups%% $group *} ${groups#* $group }" ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
"#;

/// The shell. Dropping this kills the groups that were added and not removed, and waits for the shell.
#[derive(Debug)]
pub(super) struct Watchdog(Mutex<Child>);

impl Watchdog {
    pub(super) fn start() -> io::Result<Self> {
        let mut command = Command::new(SHELL);
        command.args(["-c", SCRIPT]).current_dir("/");
        // A signal from the terminal ends this process, and must not end the shell before.
        command.process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let shell = command.spawn().map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot start the shell that watches workers, {SHELL}: {error}"),
            )
        })?;
        Ok(Self(Mutex::new(shell)))
    }

    /// Adds a process group, which is named by its leader.
    pub(super) fn add(&self, leader: u32) {
        self.write('+', leader);
    }

    /// Removes a process group that was added.
    pub(super) fn remove(&self, leader: u32) {
        self.write('-', leader);
    }

    fn write(&self, change: char, leader: u32) {
        if let Some(pipe) = &mut self.shell().stdin {
            // Fails only if somebody has killed the shell.
            let _ = pipe.write_all(format!("{change} {leader}\n").as_bytes());
        }
    }

    fn shell(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // This closes the pipe first. It fails only if somebody else has waited for the shell.
        let _ = self.shell().wait();
    }
}

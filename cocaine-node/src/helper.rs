//! How a worker is started so that it does not outlive its node.
//!
//! A process can ask to be killed when the one that started it ends, but only for itself. So a node starts this program
//! again, which asks for that and then becomes the worker.
//!
//! A program that embeds a node and runs apps calls [`run_if_asked`] first thing in its `main`, or keeps the program
//! `cocaine-node` at hand and names it with [`Helper::at`].

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{self, Command},
};

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

/// What tells the program that it is to become a worker. Then come the process that started it, the name to run
/// the worker under, the worker's program and its arguments.
const ASKED: &str = "--exec-worker";

/// A program that starts workers: one that calls [`run_if_asked`].
#[derive(Clone, Debug)]
pub struct Helper(PathBuf);

impl Helper {
    /// Returns this very program, even if its file was replaced since it was started.
    pub fn current_exe() -> Self {
        Self::at("/proc/self/exe")
    }

    /// Returns the program at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Returns what runs `program` in a process group of its own, as `name` and with `args`, until the thread that
    /// spawns it ends.
    pub fn command(
        &self,
        name: &OsStr,
        program: &Path,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = Command::new(&self.0);
        command.arg0("cocaine-node").arg(ASKED).arg(process::id().to_string());
        command.arg(name).arg(program).args(args).process_group(0);
        command
    }
}

/// Becomes a worker if the command line asks for it, and otherwise returns at once.
///
/// To be called before anything else, while the process has one thread.
pub fn run_if_asked() {
    let mut args = env::args_os().skip(1);
    if args.next().is_some_and(|first| first == ASKED) {
        eprintln!("cocaine-node: {}", become_worker(args));
        process::exit(1);
    }
}

/// Returns why the process could not become the worker.
fn become_worker(mut args: impl Iterator<Item = OsString>) -> String {
    let (Some(parent), Some(name), Some(program)) = (args.next(), args.next(), args.next()) else {
        return format!("{ASKED} is for the node alone");
    };
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return format!("cannot tie the worker to its node: {error}");
    }
    // A node that ended before that was asked for tells nobody any more.
    let actual = getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if parent != *actual.to_string() {
        return format!("the node {} is gone", parent.display());
    }
    // A name without a folder is not looked for elsewhere.
    let program = Path::new(".").join(program);
    let error = Command::new(&program).arg0(name).args(args).exec();
    format!("cannot run {}: {error}{}", program.display(), hint(&program, &error))
}

fn hint(program: &Path, error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound if program.exists() => {
            "; it is there, but what its first line names is not, or a library that it needs"
        }
        io::ErrorKind::NotFound => "; a manifest's `slave` is a path within the package, or an absolute one",
        io::ErrorKind::PermissionDenied if program.is_dir() => "; it is a folder",
        io::ErrorKind::PermissionDenied => "; it has to be executable: `chmod +x` it before it is packed",
        _ => "",
    }
}

//! Starts workers so that they do not outlive their node.
//!
//! A process can only set its own parent-death signal. Therefore a node runs a helper program, which sets the signal and
//! then executes the worker in its place.
//!
//! A program that embeds a node with apps calls [`exec_worker_if_requested`] at the start of its `main` and so is its own
//! helper, or it names the program `cocaine-node` with [`Helper::at`].

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{self, Command},
};

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

/// The first argument of a helper. The process id of the node, the name that the worker sees as its own, its program
/// and its arguments follow.
const EXEC_WORKER: &str = "--exec-worker";

/// The program that starts workers: one that calls [`exec_worker_if_requested`].
#[derive(Clone, Debug)]
pub struct Helper(PathBuf);

impl Helper {
    /// Returns the current program, even if its file was replaced since it was started.
    pub fn current_exe() -> Self {
        Self::at("/proc/self/exe")
    }

    /// Returns the program at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Returns the command that runs `program` with these arguments in a new process group. The program sees `name` as its
    /// own name, and is killed when the thread that spawns it ends.
    pub fn command(
        &self,
        name: &OsStr,
        program: &Path,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = Command::new(&self.0);
        command.arg0("cocaine-node").arg(EXEC_WORKER).arg(process::id().to_string());
        command.arg(name).arg(program).args(args).process_group(0);
        command
    }
}

/// Executes a worker if the command line requests it; returns at once otherwise.
///
/// Call it before anything else, while the process has one thread.
pub fn exec_worker_if_requested() {
    let mut args = env::args_os().skip(1);
    if args.next().is_some_and(|first| first == EXEC_WORKER) {
        eprintln!("cocaine-node: {}", exec_worker(args));
        process::exit(1);
    }
}

/// Replaces this process by the worker. Returns why it could not.
fn exec_worker(mut args: impl Iterator<Item = OsString>) -> String {
    let (Some(parent), Some(name), Some(program)) = (args.next(), args.next(), args.next()) else {
        return format!("{EXEC_WORKER} is for the node alone");
    };
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return format!("cannot tie the worker to its node: {error}");
    }
    // If the node ended before the signal was set, the signal never comes.
    let actual = getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if parent != *actual.to_string() {
        return format!("the node {} is gone", parent.display());
    }
    // `./` prevents a search in PATH.
    let program = Path::new(".").join(program);
    let error = Command::new(&program).arg0(name).args(args).exec();
    format!("cannot run {}: {error}{}", program.display(), hint(&program, &error))
}

/// Returns what to do about a program that cannot be executed.
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

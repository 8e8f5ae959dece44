//! Starts workers so that they do not outlive their node.
//!
//! A process can only set its own parent-death signal. Therefore a node runs a helper program, which sets the signal, closes
//! the descriptors that it has inherited, restores the limit of open files, and then executes the worker in its place.
//!
//! A program that embeds a node with apps calls [`exec_worker_if_requested`] at the start of its `main` and so is its own
//! helper, or it names the program `cocaine-node` with [`Helper::at`].

use std::{
    env,
    ffi::{OsStr, OsString},
    fs, io,
    os::{fd::RawFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::{self, Command},
};

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

use crate::open_files;

/// The first argument of a helper. The process id of the node, the soft limit of open files or [`UNCHANGED`], the name that
/// the worker sees as its own, its program and its arguments follow.
const EXEC_WORKER: &str = "--exec-worker";
/// Stands for the limit of open files that the helper has.
const UNCHANGED: &str = "-";
/// The first descriptor after those of the standard streams.
const FIRST_DESCRIPTOR: RawFd = 3;

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
    /// own name, is killed when the thread that spawns it ends, and inherits no descriptors but the standard streams.
    pub fn command(
        &self,
        name: &OsStr,
        program: &Path,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = Command::new(&self.0);
        command.arg0("cocaine-node").arg(EXEC_WORKER).arg(process::id().to_string());
        command
            .arg(open_files::worker_limit().map_or_else(|| UNCHANGED.to_owned(), |limit| limit.to_string()));
        command.arg(name).arg(program).args(args).process_group(0);
        // The service manager hears from the node alone.
        command.env_remove("NOTIFY_SOCKET");
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
    let (Some(parent), Some(limit), Some(name), Some(program)) =
        (args.next(), args.next(), args.next(), args.next())
    else {
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
    if let Err(error) = close_inherited() {
        return format!("cannot close the descriptors that the node has inherited: {error}");
    }
    if let Some(limit) = limit.to_str().and_then(|limit| limit.parse().ok())
        && let Err(error) = open_files::set_soft_limit(Some(limit))
    {
        return format!("cannot limit the open files to {limit}: {error}");
    }
    // `./` prevents a search in PATH.
    let program = Path::new(".").join(program);
    let error = Command::new(&program).arg0(name).args(args).exec();
    format!("cannot run {}: {error}{}", program.display(), hint(&program, &error))
}

/// Closes all descriptors but the standard streams: whoever started the node may have left some open.
fn close_inherited() -> io::Result<()> {
    let names = fs::read_dir("/proc/self/fd")?.map(|entry| Ok(entry?.file_name()));
    // One of them is that of the folder, which is closed by then.
    for name in names.collect::<io::Result<Vec<_>>>()? {
        let descriptor: Option<RawFd> = name.to_str().and_then(|name| name.parse().ok());
        if let Some(descriptor) = descriptor.filter(|descriptor| *descriptor >= FIRST_DESCRIPTOR) {
            // Fails for the folder alone.
            let _ = nix::unistd::close(descriptor);
        }
    }
    Ok(())
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

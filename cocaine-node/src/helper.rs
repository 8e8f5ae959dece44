//! Starts workers so that they do not outlive their node.
//!
//! A process can only set its own parent-death signal, and only a parent can end what its children have left behind. Therefore
//! a node runs a helper program, which closes the descriptors that it has inherited and runs itself again in a new process
//! group. That one enters the control group of the worker, if there is one, restores the limit of open files, and executes the
//! worker in its place; the first one stays, and ends everything that the worker has started when the worker or the node ends.
//!
//! A program that embeds a node with apps calls [`exec_worker_if_requested`] at the start of its `main` and so is its own
//! helper, or it names the program `cocaine-node` with [`Helper::at`]. A test has no `main`, and starts workers without a
//! helper ([`Helper::direct`]).

mod cgroup;
mod reaper;
mod watchdog;
mod worker_groups;

use std::{
    env,
    ffi::{OsStr, OsString},
    fs, io,
    os::{fd::RawFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::{self, Command},
    sync::Arc,
};

use nix::{
    sys::signal::{self, kill, killpg},
    unistd,
};
use rustix::fs::{StatVfsMountFlags, statvfs};
use rustix::process::{Signal, getpid, getppid, set_child_subreaper, set_parent_process_death_signal};

pub use self::worker_groups::{WorkerGroup, WorkerGroups};

use self::{reaper::BlockedSignals, watchdog::Watchdog};

use crate::open_files;

/// The first argument of a helper. The process id of the node, the soft limit of open files or [`UNSET`], the folder of the
/// worker's control group or [`UNSET`], the name that the worker sees as its own, its program and its arguments follow.
const EXEC_WORKER: &str = "--exec-worker";
/// The first argument of the helper that the first one runs and that becomes the worker. The same arguments follow, but for
/// the process id, which is that of the first helper.
const EXEC_PROGRAM: &str = "--exec-program";
/// Stands for the limit of open files, or for the control group, that the helper has.
const UNSET: &str = "-";
/// The first descriptor after those of the standard streams.
const FIRST_DESCRIPTOR: RawFd = 3;

/// How the processes of workers are started.
#[derive(Clone, Debug)]
pub struct Helper(Kind);

#[derive(Clone, Debug)]
enum Kind {
    /// Through this program, which calls [`exec_worker_if_requested`].
    Program(PathBuf),
    /// As children of this process.
    Direct(Arc<Watchdog>),
}

impl Helper {
    /// Starts workers through the current program, which calls [`exec_worker_if_requested`], even if its file was replaced
    /// since it was started.
    pub fn current_exe() -> Self {
        Self::at("/proc/self/exe")
    }

    /// Starts workers through the program at `path`, which calls [`exec_worker_if_requested`].
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(Kind::Program(path.into()))
    }

    /// Starts workers as children of this process, without a program in between: for tests, which cannot call
    /// [`exec_worker_if_requested`].
    ///
    /// What a worker has started ends with it as long as it has not left the worker's process group. A shell (`/bin/sh`)
    /// watches this process, and kills the groups when it ends in whatever way. Workers have the limit of open files that
    /// this process has.
    ///
    /// # Errors
    /// The shell cannot be started.
    pub fn direct() -> io::Result<Self> {
        Ok(Self(Kind::Direct(Arc::new(Watchdog::start()?))))
    }

    /// Returns whether there is a helper program, which puts workers into control groups.
    pub(crate) fn is_program(&self) -> bool {
        matches!(self.0, Kind::Program(_))
    }

    /// Returns the command that runs `program` with these arguments. The program sees `name` as its own name.
    ///
    /// With a helper program it inherits no descriptors but the standard streams, and is a child of the process that the
    /// command starts. That one passes signals on to it, ends as it has ended, and kills it and everything that it has started
    /// when the thread that spawns the command ends; it starts in the control group, if there is one. Without a helper
    /// program, [`Helper::watch`] sees to its end, and there are no control groups.
    pub fn command(
        &self,
        group: Option<&WorkerGroup>,
        name: &OsStr,
        program: &Path,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Command {
        let mut command = match &self.0 {
            Kind::Program(helper) => {
                let limit = open_files::worker_limit();
                let mut command = Command::new(helper);
                command.arg0("cocaine-node").arg(EXEC_WORKER).arg(process::id().to_string());
                command.arg(limit.map_or_else(|| UNSET.to_owned(), |limit| limit.to_string()));
                command.arg(group.map_or(OsStr::new(UNSET), |group| group.path().as_os_str()));
                command.arg(name).arg(program);
                command
            }
            Kind::Direct(_) => {
                let mut command = Command::new(in_current_folder(program));
                command.arg0(name);
                command
            }
        };
        command.args(args).process_group(0);
        // The service manager hears from the node alone.
        command.env_remove("NOTIFY_SOCKET");
        command
    }

    /// Returns why the process of [`Helper::command`] was not started.
    pub fn describe_failure(&self, program: &Path, folder: &Path, error: &io::Error) -> String {
        match &self.0 {
            Kind::Program(helper) => {
                let (folder, helper) = (folder.display(), helper.display());
                format!("cannot start a process in {folder} through `{helper}`: {error}")
            }
            Kind::Direct(_) => {
                let program = folder.join(program);
                format!("cannot run {}: {error}{}", program.display(), hint(&program, error))
            }
        }
    }

    /// Watches a process of [`Helper::command`]: it is killed with this process. Call it as soon as the process is started.
    pub fn watch(&self, process: u32) {
        if let Kind::Direct(watchdog) = &self.0 {
            watchdog.add(process);
        }
    }

    /// Kills what a process that was watched has left behind, and watches it no more. Call it once the process was waited for
    /// or killed.
    pub fn unwatch(&self, process: u32) {
        if let Kind::Direct(watchdog) = &self.0 {
            self.kill(process);
            watchdog.remove(process);
        }
    }

    /// Sends SIGTERM to the process group of the program that a process of [`Helper::command`] runs. That process must not have been
    /// waited for yet.
    pub fn terminate(&self, process: u32) {
        match &self.0 {
            Kind::Program(_) => send(process, signal::Signal::SIGTERM),
            Kind::Direct(_) => send_to_group(process, signal::Signal::SIGTERM),
        }
    }

    /// Kills the program that a process of [`Helper::command`] runs, with what it has started. That process must not
    /// have been waited for yet.
    pub fn kill(&self, process: u32) {
        match &self.0 {
            Kind::Program(_) => send(process, reaper::KILL),
            Kind::Direct(_) => send_to_group(process, signal::Signal::SIGKILL),
        }
    }
}

fn send(process: u32, signal: signal::Signal) {
    // Fails only if the process has ended.
    let _ = kill(unistd::Pid::from_raw(process.cast_signed()), signal);
}

fn send_to_group(leader: u32, signal: signal::Signal) {
    // Fails only if all of the group has ended.
    let _ = killpg(unistd::Pid::from_raw(leader.cast_signed()), signal);
}

/// Returns the path of a program without a search in `PATH`.
fn in_current_folder(program: &Path) -> PathBuf {
    Path::new(".").join(program)
}

/// Executes a worker if the command line requests it; returns at once otherwise.
///
/// Call it before anything else, while the process has one thread.
pub fn exec_worker_if_requested() {
    let mut args = env::args_os().skip(1);
    let failed = match args.next() {
        Some(first) if first == EXEC_WORKER => run_worker(&args.collect::<Vec<_>>()),
        Some(first) if first == EXEC_PROGRAM => exec_program(args),
        _ => return,
    };
    eprintln!("cocaine-node: {failed}");
    process::exit(1);
}

/// Runs a worker as a child of this process, to its end. Returns why it could not.
fn run_worker(args: &[OsString]) -> String {
    let [parent, rest @ ..] = args else { return format!("{EXEC_WORKER} is for the node alone") };
    let [_, group, _, _, ..] = rest else { return format!("{EXEC_WORKER} is for the node alone") };
    let signals = match BlockedSignals::new() {
        Ok(signals) => signals,
        Err(error) => return format!("cannot wait for signals: {error}"),
    };
    if let Err(error) = die_with(parent, reaper::NODE_GONE) {
        return error;
    }
    if let Err(error) = close_inherited() {
        return format!("cannot close the descriptors that the node has inherited: {error}");
    }
    if let Err(error) = set_child_subreaper(Some(getpid())) {
        return format!("cannot look after what the worker starts: {error}");
    }
    let mut command = Command::new("/proc/self/exe");
    command.arg0("cocaine-node").arg(EXEC_PROGRAM).arg(process::id().to_string()).args(rest).process_group(0);
    match command.spawn() {
        Ok(child) => {
            reaper::run(unistd::Pid::from_raw(child.id().cast_signed()), group_folder(group), &signals)
        }
        Err(error) => format!("cannot start a process: {error}"),
    }
}

/// Has the kernel send a signal when the parent ends, whose process id is expected.
fn die_with(parent: &OsStr, signal: Signal) -> Result<(), String> {
    set_parent_process_death_signal(Some(signal))
        .map_err(|error| format!("cannot tie the worker to its node: {error}"))?;
    // If the parent ended before the signal was set, the signal never comes.
    let actual = getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if parent == OsStr::new(&actual.to_string()) {
        Ok(())
    } else {
        Err(format!("the node {} is gone", parent.display()))
    }
}

/// Replaces this process by the worker. Returns why it could not.
fn exec_program(mut args: impl Iterator<Item = OsString>) -> String {
    let (Some(parent), Some(limit), Some(group), Some(name), Some(program)) =
        (args.next(), args.next(), args.next(), args.next(), args.next())
    else {
        return format!("{EXEC_PROGRAM} is for the node alone");
    };
    if let Err(error) = die_with(&parent, Signal::KILL) {
        return error;
    }
    if let Some(group) = group_folder(&group)
        && let Err(error) = cgroup::enter(group)
    {
        let group = group.display();
        eprintln!(
            "cocaine-node: cannot enter the control group {group}: {error}; the worker runs outside of it"
        );
    }
    if let Some(limit) = limit.to_str().and_then(|limit| limit.parse().ok())
        && let Err(error) = open_files::set_soft_limit(Some(limit))
    {
        return format!("cannot limit the open files to {limit}: {error}");
    }
    if let Err(error) = reaper::unblock_signals() {
        return format!("cannot unblock signals: {error}");
    }
    let program = in_current_folder(Path::new(&program));
    let error = Command::new(&program).arg0(name).args(args).exec();
    format!("cannot run {}: {error}{}", program.display(), hint(&program, &error))
}

/// Returns the folder of the control group that an argument names.
fn group_folder(argument: &OsStr) -> Option<&Path> {
    Some(Path::new(argument)).filter(|_| argument != UNSET)
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

/// Returns whether programs may not be executed where a file or folder is.
pub(crate) fn is_on_noexec_mount(path: &Path) -> bool {
    statvfs(path).is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

/// Returns what to do about a program that cannot be executed.
fn hint(program: &Path, error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound if program.exists() => {
            "; it is there, but what its first line names is not, or a library that it needs"
        }
        io::ErrorKind::NotFound => "; a manifest's `slave` is a path within the package, or an absolute one",
        io::ErrorKind::PermissionDenied if program.is_dir() => "; it is a folder",
        io::ErrorKind::PermissionDenied if is_on_noexec_mount(program) => {
            "; it is on a file system that is mounted with `noexec`: remount that with `exec`, or say with --data where \
             there is another"
        }
        io::ErrorKind::PermissionDenied => "; it has to be executable: `chmod +x` it before it is packed",
        _ => "",
    }
}

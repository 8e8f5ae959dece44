//! Control groups of the kernel (cgroup v2), as folders of a mounted file system.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Component, Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::fs::{Access, access};

/// How often it is tried to remove a group whose processes have been killed, and the pause between two attempts.
const ATTEMPTS: (usize, Duration) = (200, Duration::from_millis(5));

/// Returns the folder of the group that this process is in.
pub(super) fn own_folder() -> io::Result<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup")?;
    let mounts = fs::read_to_string("/proc/self/mountinfo")?;
    find_folder(&groups, &mounts)
        .ok_or_else(|| io::Error::other("no cgroup v2 is mounted that shows the group of this process"))
}

/// Returns the folder of the group that a process is in, from its lists of groups and of mounts (`proc(5)`).
fn find_folder(groups: &str, mounts: &str) -> Option<PathBuf> {
    let group = Path::new(groups.lines().find_map(|line| line.strip_prefix("0::"))?);
    // A group above the root of the namespace is shown with `..`, and has no folder here.
    if group.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    mounts.lines().find_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, folder) = (fields.next()?, fields.next()?);
        let below = group.strip_prefix(root).ok().filter(|_| file_system.starts_with("cgroup2 "))?;
        Some(Path::new(folder).components().chain(below.components()).collect())
    })
}

/// Checks that processes can be moved from the group `own` into the group `folder` below it, and killed there.
pub(super) fn check(own: &Path, folder: &Path) -> io::Result<()> {
    let kind = fs::read_to_string(folder.join("cgroup.type"))?;
    if kind.trim_end() != "domain" {
        return Err(io::Error::other(format!("it is of the type `{}`", kind.trim_end())));
    }
    if !folder.join("cgroup.kill").exists() {
        return Err(io::Error::other("the kernel has no `cgroup.kill`, which came with Linux 5.14"));
    }
    Ok(access(own.join("cgroup.procs"), Access::WRITE_OK)?)
}

/// Moves this process into a group.
pub(super) fn enter(folder: &Path) -> io::Result<()> {
    write(&folder.join("cgroup.procs"), b"0")
}

/// Kills everything in a group and in those below it. Fails if it is removed.
pub(super) fn kill(folder: &Path) -> io::Result<()> {
    write(&folder.join("cgroup.kill"), b"1")
}

/// Writes to a file that exists.
fn write(file: &Path, text: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).open(file)?.write_all(text)
}

/// Kills everything in a group, waits for its end, and removes the group with those below it. Succeeds if it is removed already.
pub(super) fn end(folder: &Path) -> io::Result<()> {
    let (attempts, pause) = ATTEMPTS;
    for _ in 0..attempts {
        // If this fails, the group cannot be removed, or is removed.
        let _ = kill(folder);
        match remove(folder) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => thread::sleep(pause),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            removed => return removed,
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

/// Removes a group without processes, and those below it.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "24 30 0:22 / /proc rw,nosuid - proc proc rw\n\
                          31 24 0:27 /a /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                          35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn own_folder_is_below_the_mount() {
        let folder = |groups, mounts| find_folder(groups, mounts);
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(folder("0::/", MOUNTS), path("/sys/fs/cgroup"));
        assert_eq!(folder("1:cpu:/x\n0::/a.slice/b\n", MOUNTS), path("/sys/fs/cgroup/a.slice/b"));
        let part = "35 24 0:30 /a.slice /mnt rw - cgroup2 none rw\n";
        assert_eq!(folder("0::/a.slice/b", part), path("/mnt/b"));
        for (groups, mounts) in
            [("0::/a", part), ("0::/../a", MOUNTS), ("1:cpu:/x\n", MOUNTS), ("0::/a", ""), ("", MOUNTS)]
        {
            assert_eq!(folder(groups, mounts), None, "{groups} {mounts}");
        }
    }

    #[test]
    fn unusable_group_is_refused_with_the_reason() {
        let own = tempfile::tempdir().unwrap();
        let refusal = |folder: &Path| check(own.path(), folder).unwrap_err().to_string();
        let folder = own.path().join("group");
        assert!(refusal(&folder).starts_with("No such file"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("cgroup.type"), "threaded\n").unwrap();
        assert_eq!(refusal(&folder), "it is of the type `threaded`");
        fs::write(folder.join("cgroup.type"), "domain\n").unwrap();
        assert_eq!(refusal(&folder), "the kernel has no `cgroup.kill`, which came with Linux 5.14");
        fs::write(folder.join("cgroup.kill"), "").unwrap();
        assert!(refusal(&folder).starts_with("No such file"), "without the parent's `cgroup.procs`");
        fs::write(own.path().join("cgroup.procs"), "").unwrap();
        check(own.path(), &folder).unwrap();
    }
}

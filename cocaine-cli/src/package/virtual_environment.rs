//! The virtual environment of a folder with Python code: it is made of `requirements.txt`, and its scripts are made to work in the folder
//! of an app, wherever that lies.

use std::{
    fmt::Write as _,
    fs,
    io::{self, ErrorKind, Write as _},
    path::Path,
    process::Stdio,
};

use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use crate::error::{Error, Result};

/// The file that the root of a virtual environment has.
const CONFIGURATION: &str = "pyvenv.cfg";
/// The file that names the packages.
const REQUIREMENTS: &str = "requirements.txt";
/// The folder of the environment that is made.
const FOLDER: &str = "venv";
/// Folders in which environments usually are.
const USUAL_FOLDERS: [&str; 2] = [FOLDER, ".venv"];
/// The file that an environment has which was made here: the hash of its requirements, or something else until it is finished.
const MARKER: &str = ".cocaine-requirements";
/// Larger files of an environment are no scripts.
const MAX_SCRIPT: u64 = 64 << 10;

/// Returns whether a folder is a virtual environment.
pub(super) fn is_environment(folder: &Path) -> bool {
    folder.join(CONFIGURATION).is_file()
}

/// Makes the environment `venv` in a folder with `requirements.txt`. It is made again when that file changes. An environment that
/// somebody else has made there is not touched.
pub(super) async fn create(folder: &Path) -> Result<()> {
    // Programs of the environment run in the folder, and are found from anywhere.
    let folder = &folder.canonicalize().map_err(Error::in_file(folder))?;
    let requirements = folder.join(REQUIREMENTS);
    let text = match fs::read(&requirements) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        text => text.map_err(Error::in_file(&requirements))?,
    };
    let (environment, hash) = (folder.join(FOLDER), hash_text(&text));
    let marker = environment.join(MARKER);
    match fs::read_to_string(&marker) {
        Ok(made) if made == hash => return Ok(()),
        Ok(_) => fs::remove_dir_all(&environment).map_err(Error::in_file(&environment))?,
        Err(_) if USUAL_FOLDERS.iter().any(|usual| is_environment(&folder.join(usual))) => return Ok(()),
        Err(_) => {}
    }
    fs::create_dir(&environment).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Error::in_file(&environment)(
            "is no virtual environment, and one is to be made there: move it away, or go without with `--no-venv`",
        ),
        _ => Error::in_file(&environment)(error),
    })?;
    fs::write(&marker, "unfinished").map_err(Error::in_file(&marker))?;
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment), &requirements).await?;
    let mut pip = Command::new(environment.join("bin/python"));
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-r"]).arg(REQUIREMENTS);
    run(pip.current_dir(folder), &requirements).await?;
    fs::write(&marker, hash).map_err(Error::in_file(&marker))
}

fn hash_text(text: &[u8]) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut hash, byte| {
        let _ = write!(hash, "{byte:02x}");
        hash
    })
}

/// Runs a step, whose output goes to standard error.
async fn run(command: &mut Command, requirements: &Path) -> Result<()> {
    let failed = Error::in_file(requirements);
    command.stdin(Stdio::null()).stdout(Stdio::from(io::stderr())).kill_on_drop(true);
    match command.status().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            Err(failed(format!("its virtual environment cannot be made ({status}), for the reasons above")))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(failed(
            "its virtual environment cannot be made, since there is no `python3` here: install it, or go without with \
             `--no-venv`"
                .to_owned(),
        )),
        Err(error) => Err(failed(format!("its virtual environment cannot be made: {error}"))),
    }
}

/// Returns the bytes of a script of an environment, with an interpreter that is found from the folder of the app, in which workers
/// start. Returns `None` for what needs no change.
pub(super) fn relocated_script(name: &Path, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let is_script =
        path.parent().is_some_and(|bin| bin.ends_with("bin") && bin.parent().is_some_and(is_environment));
    if !is_script || path.metadata()?.len() > MAX_SCRIPT {
        return Ok(None);
    }
    let bin = name.parent().unwrap_or(name).display().to_string();
    Ok(relocated(&fs::read(path)?, &bin))
}

fn relocated(script: &[u8], bin: &str) -> Option<Vec<u8>> {
    // pip writes the second form where a path is long or has spaces.
    let (prefix, long_prefix) = (&b"#!"[..], &b"#!/bin/sh\n'''exec' "[..]);
    let prefix = if script.starts_with(long_prefix) { long_prefix } else { prefix };
    let rest = script.strip_prefix(prefix)?;
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let line = std::str::from_utf8(&rest[..end]).ok()?;
    let (folder, python) = line.rsplit_once("/bin/python")?;
    let version = python.split(|end: char| !end.is_ascii_digit() && end != '.').next()?;
    let folder = Path::new(folder.trim_start_matches(['"', ' ']));
    if folder.is_relative() || folder.exists() && !is_environment(folder) {
        return None;
    }
    let mut changed = prefix.to_vec();
    let arguments = if prefix == long_prefix { " \"$0\" \"$@\"" } else { "" };
    write!(changed, "{bin}/python{version}{arguments}").ok()?;
    changed.extend_from_slice(&rest[end..]);
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_find_their_interpreter_from_the_package() {
        for (script, expected) in [
            ("#!/gone/venv/bin/python3.11\nx\n", Some("#!venv/bin/python3.11\nx\n")),
            ("#!/gone/venv/bin/python\n", Some("#!venv/bin/python\n")),
            (
                "#!/bin/sh\n'''exec' \"/gone and away/venv/bin/python3\" \"$0\" \"$@\"\n' '''\n",
                Some("#!/bin/sh\n'''exec' venv/bin/python3 \"$0\" \"$@\"\n' '''\n"),
            ),
            ("#!/usr/bin/python3\n", None),
            ("#!/usr/bin/env python3\n", None),
            ("#!venv/bin/python\n", None),
            ("text", None),
        ] {
            let changed = relocated(script.as_bytes(), "venv/bin");
            assert_eq!(changed.as_deref(), expected.map(str::as_bytes), "{script}");
        }
    }
}

//! The schema of a program: what it prints with `--describe`, or what a file has.

mod limits;

use std::{
    ffi::OsString,
    fs, io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use cocaine::schema::AppSchema;
use cocaine_codegen::read_app_schema;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt, sink},
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::{
    error::{Error, Result},
    output::Progress,
    program,
};

pub(crate) use limits::check as check_limits;

/// The most that a program may print as its schema, and that a file may have.
const MAX_TEXT: u64 = 4 << 20;

/// How much of what a program says beside it is read for errors.
const MAX_STDERR: u64 = 64 << 10;

/// How often the start of a program is attempted that is being written.
const MAX_BUSY_ATTEMPTS: u32 = 100;

/// The delay before the next attempt.
const BUSY_DELAY: Duration = Duration::from_millis(10);

/// Reads a schema from a file.
pub(crate) fn read_file(path: &Path) -> Result<AppSchema> {
    let failed = |reason: String| Error::File { path: path.display().to_string(), reason };
    let len = fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if len > MAX_TEXT {
        return Err(failed(format!("has {len} bytes, and a schema at most {MAX_TEXT}")));
    }
    let text = fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    read_app_schema(&text).map_err(|error| failed(error.to_string()))
}

/// Asks a program for its schema, in a folder if one is given. It gets no variables of the cloud, and neither it nor what it starts outlives the answer.
///
/// # Errors
/// Why the program has none.
pub(crate) async fn describe(
    program: &Path,
    folder: Option<&Path>,
    limit: Duration,
) -> Result<AppSchema, String> {
    match program::find_obstacle(program, folder.unwrap_or(Path::new(""))) {
        Ok(None) => {}
        Ok(Some(obstacle)) => return Err(obstacle.into_reason()),
        Err(error) => return Err(error.to_string()),
    }
    let _progress = Progress::start("asking the program for its schema");
    // A name without a folder would be searched in PATH.
    let program = program.canonicalize().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.arg("--describe").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true).process_group(0);
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    for name in variables_of_the_cloud() {
        command.env_remove(name);
    }
    let mut child = spawn(&mut command).await.map_err(|error| format!("it cannot be run: {error}"))?;
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ended = timeout(limit, async {
        let (text, said) = tokio::join!(read(stdout, MAX_TEXT), read(stderr, MAX_STDERR));
        (text, said, child.wait().await)
    });
    let ended = ended.await;
    // It may have left others behind.
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let (text, said, status) = ended.map_err(|_| format!("it does not end within {limit:?}"))?;
    let status = status.map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(failure(status, &said));
    }
    if text.len() as u64 > MAX_TEXT {
        return Err(format!("it prints more than {MAX_TEXT} bytes"));
    }
    let text = String::from_utf8(text).map_err(|_| "what it prints is not text".to_owned())?;
    read_app_schema(&text).map_err(|error| format!("what it prints is no schema: {error}"))
}

/// Starts a program. One that somebody still writes, or has open for writing by a fork, cannot be started for a moment.
async fn spawn(command: &mut Command) -> io::Result<Child> {
    for _ in 0..MAX_BUSY_ATTEMPTS {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => sleep(BUSY_DELAY).await,
            started => return started,
        }
    }
    command.spawn()
}

fn variables_of_the_cloud() -> impl Iterator<Item = OsString> {
    std::env::vars_os().map(|(name, _)| name).filter(|name| name.as_encoded_bytes().starts_with(b"COCAINE_"))
}

/// Reads to the end, and returns no more than one byte beyond the limit.
async fn read(stream: Option<impl AsyncRead + Unpin>, limit: u64) -> Vec<u8> {
    let mut text = Vec::new();
    let Some(mut stream) = stream else { return text };
    // What was read before an error is all there is.
    let _ = (&mut stream).take(limit + 1).read_to_end(&mut text).await;
    let _ = tokio::io::copy(&mut stream, &mut sink()).await;
    text
}

/// Says how a program has ended, with the last line that it has said.
fn failure(status: ExitStatus, said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let last: String =
        said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().chars().take(200).collect();
    if last.is_empty() { format!("it ends with {status}") } else { format!("it ends with {status}: {last}") }
}

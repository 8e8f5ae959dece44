//! Builds of apps.

use std::{
    future::Future,
    path::{Path, PathBuf},
    pin::pin,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    net::unix::pipe::Receiver,
    process::{Child, Command},
    time::timeout,
};

use super::{
    process_group::ProcessGroup,
    project::{ProjectApp, Recipe},
};
use crate::{
    error::{Error, Result},
    package::{BuildOptions, CargoProfile, Compression, Crate, PROGRAM_KEY, Package, Source, read_manifest},
};

/// How many of the last lines an error has.
const LAST_LINES: usize = 3;
/// How much of a line is kept.
const MAX_LINE: usize = 16 << 10;
/// How long the streams of a build that has ended may stay open.
const PIPE_TIMEOUT: Duration = Duration::from_secs(1);
/// How much a build may print for this program to read.
const MAX_MESSAGES: usize = 64 << 20;

/// How apps are built.
#[derive(Clone, Copy, Debug)]
pub(super) struct Builder {
    pub(super) profile: CargoProfile,
    pub(super) compression: Compression,
    /// Whether what cargo prints has colours.
    pub(super) is_colored: bool,
}

impl Builder {
    /// Builds an app, with each line that the build prints, and packs it. Dropping this kills the build.
    pub(super) async fn build(&self, app: &ProjectApp, mut on_line: impl FnMut(&str)) -> Result<Package> {
        let mut package = match &app.recipe {
            Recipe::Crate(source) => {
                let program = self.build_crate(app, source, &mut on_line).await?;
                source.pack(&app.name, &program, self.compression)?
            }
            Recipe::Files { command, path } => {
                if let Some(command) = command {
                    run_shell(app, command, &mut on_line).await?;
                }
                self.pack_files(app, path).await?
            }
        };
        if let Some(file) = &app.manifest {
            for (key, value) in read_manifest(file)? {
                package.set_manifest_key(key, value);
            }
        }
        Ok(package)
    }

    async fn build_crate(
        &self,
        app: &ProjectApp,
        source: &Crate,
        on_line: &mut impl FnMut(&str),
    ) -> Result<PathBuf> {
        let options = BuildOptions { profile: self.profile, ..BuildOptions::default() };
        let mut command = source.build_command(&options).await?;
        if self.is_colored {
            command.args(["--color", "always"]);
        }
        let mut messages = Vec::new();
        let collect = |line: &[u8]| {
            // Only those messages matter that name a program.
            if messages.len() + line.len() < MAX_MESSAGES
                && line.windows(12).any(|part| part == b"\"executable\"")
            {
                messages.extend_from_slice(line);
                messages.push(b'\n');
            }
        };
        run_cargo(app, command, collect, on_line).await?;
        source.built_program(&messages, &options)
    }

    async fn pack_files(&self, app: &ProjectApp, path: &Path) -> Result<Package> {
        let source = Source::at(path).map_err(|error| match (&app.product, error) {
            (Some(_), Error::File { path, reason }) => Error::Failed(format!(
                "the build has not made {path}, which is `program` of the app: {reason}"
            )),
            (_, error) => error,
        })?;
        let mut package = source.pack(&app.name, &BuildOptions::default(), self.compression).await?;
        if let Source::Program(_) = source {
            package.manifest.insert(PROGRAM_KEY.to_owned(), app.name.as_str().into());
        }
        Ok(package)
    }
}

/// Runs the command of an app in a shell.
async fn run_shell(app: &ProjectApp, command: &str, on_line: &mut impl FnMut(&str)) -> Result<()> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(&app.folder).stdin(Stdio::null());
    // One pipe has what it prints in the order in which it is printed.
    let (reader, writer) = std::io::pipe()?;
    shell.stdout(writer.try_clone()?).stderr(writer);
    let pipe = Receiver::from_owned_fd(reader.into())?;
    let child = spawn(&mut shell)?;
    // The pipe ends with its last writer.
    drop(shell);
    let mut last = LastLines::default();
    let status = wait(child, read_lines(pipe, MAX_LINE, |line| last.print(line, on_line))).await?;
    last.check(app, status)
}

/// Runs a build of cargo, and passes on what it prints on both streams.
async fn run_cargo(
    app: &ProjectApp,
    mut command: Command,
    on_message: impl FnMut(&[u8]),
    on_line: &mut impl FnMut(&str),
) -> Result<()> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(&mut command)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr) = (stdout.expect("it is a pipe"), stderr.expect("it is a pipe"));
    let mut last = LastLines::default();
    let messages = read_lines(stdout, MAX_MESSAGES, on_message);
    let lines = read_lines(stderr, MAX_LINE, |line| last.print(line, on_line));
    let status = wait(child, async { tokio::join!(messages, lines) }).await?;
    last.check(app, status)
}

fn spawn(command: &mut Command) -> Result<Child> {
    let spawned = command.kill_on_drop(true).process_group(0).spawn();
    spawned.map_err(|error| Error::Failed(format!("the build cannot be run: {error}")))
}

/// Waits for the end of a build and of what it prints. Dropping this kills everything that it has started.
async fn wait<T>(mut child: Child, printed: impl Future<Output = T>) -> Result<ExitStatus> {
    let group = ProcessGroup::of(&child);
    let mut printed = pin!(printed);
    let status = tokio::select! {
        status = child.wait() => {
            // What it leaves behind may have its streams for ever.
            let _ = timeout(PIPE_TIMEOUT, printed).await;
            status
        }
        _ = &mut printed => child.wait().await,
    };
    group.release();
    Ok(status?)
}

/// The last lines that a build has printed.
#[derive(Default)]
struct LastLines(Vec<String>);

impl LastLines {
    fn print(&mut self, line: &[u8], on_line: &mut impl FnMut(&str)) {
        let line = String::from_utf8_lossy(line);
        on_line(&line);
        if line.trim().is_empty() {
            return;
        }
        if self.0.len() == LAST_LINES {
            self.0.remove(0);
        }
        self.0.push(line.into_owned());
    }

    fn check(self, app: &ProjectApp, status: ExitStatus) -> Result<()> {
        if status.success() {
            return Ok(());
        }
        let lines: Vec<_> = self.0.iter().map(|line| format!("\n  {}", line.trim_end())).collect();
        Err(Error::Failed(format!("the build of `{}` has failed ({status}){}", app.name, lines.concat())))
    }
}

/// Calls `on_line` for each line of a stream, until its end. Long lines are cut.
async fn read_lines(stream: impl AsyncRead + Unpin, max_len: usize, mut on_line: impl FnMut(&[u8])) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    // What was read before an error is all there is.
    while let Ok(piece) = stream.fill_buf().await {
        if piece.is_empty() {
            break;
        }
        let end = piece.iter().position(|byte| *byte == b'\n');
        let text = &piece[..end.unwrap_or(piece.len())];
        line.extend_from_slice(&text[..text.len().min(max_len.saturating_sub(line.len()))]);
        let read = end.map_or(piece.len(), |end| end + 1);
        if end.is_some() {
            on_line(&line);
            line.clear();
        }
        stream.consume(read);
    }
    if !line.is_empty() {
        on_line(&line);
    }
}

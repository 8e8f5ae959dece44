//! A process that runs, and its output.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use cocaine::Bytes;
use tokio::{io::AsyncReadExt, net::unix::pipe::Receiver, task::JoinHandle, time::timeout};

use super::{
    output::{OutputBuffer, OutputTail},
    worker_process::WorkerProcess,
};
use crate::log::{LogBroadcast, LogLine};

/// Where the output of a worker goes, beside its crashlog.
#[derive(Debug)]
pub(crate) struct OutputSink {
    pub(crate) app: String,
    pub(crate) uuid: String,
    /// Whether the lines are logged.
    pub(crate) is_logged: bool,
    pub(crate) broadcast: LogBroadcast,
}

impl OutputSink {
    fn write(&self, line: &Bytes) {
        let Self { app, uuid, .. } = self;
        if self.is_logged {
            tracing::info!(app, uuid, line = %String::from_utf8_lossy(line), "a worker prints");
        }
        self.broadcast.publish(LogLine::printed(app, uuid, line.clone()));
    }
}

/// A process whose output is read.
#[derive(Debug)]
pub(crate) struct RunningProcess {
    pub(crate) process: WorkerProcess,
    output: Arc<Mutex<OutputBuffer>>,
    reader: JoinHandle<()>,
    kill_timeout: Duration,
}

impl RunningProcess {
    /// How long a process may take to exit on its own.
    const EXIT_TIMEOUT: Duration = Duration::from_secs(1);
    /// How long the last output may take to arrive after the exit.
    const OUTPUT_TIMEOUT: Duration = Duration::from_millis(200);

    /// Starts to read the output of `process` from `pipe`. The lines also go to `sink`.
    pub(crate) fn new(
        process: WorkerProcess,
        pipe: Receiver,
        output: OutputBuffer,
        sink: OutputSink,
        kill_timeout: Duration,
    ) -> Self {
        let output = Arc::new(Mutex::new(output));
        let reader = OutputReader { output: output.clone(), sink };
        Self { process, output, reader: tokio::spawn(reader.run(pipe)), kill_timeout }
    }

    /// Waits for the process to exit, and stops it if it takes too long.
    pub(crate) async fn wait_or_stop(mut self) -> OutputTail {
        if timeout(Self::EXIT_TIMEOUT, self.process.wait()).await.is_err() {
            return self.stop().await;
        }
        self.collect_output().await
    }

    /// Terminates the process, and kills it if it does not exit within the kill timeout.
    pub(crate) async fn stop(mut self) -> OutputTail {
        self.process.terminate();
        if timeout(self.kill_timeout, self.process.wait()).await.is_err() {
            self.process.kill();
            // A killed process always exits.
            let _ = self.process.wait().await;
        }
        self.collect_output().await
    }

    async fn collect_output(mut self) -> OutputTail {
        if timeout(Self::OUTPUT_TIMEOUT, &mut self.reader).await.is_err() {
            self.reader.abort();
        }
        lock(&self.output).tail()
    }
}

/// Reads the output of a process.
struct OutputReader {
    output: Arc<Mutex<OutputBuffer>>,
    sink: OutputSink,
}

impl OutputReader {
    async fn run(self, mut pipe: Receiver) {
        let mut buffer = vec![0; 8 << 10];
        while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
            lock(&self.output).push(&buffer[..read], |line| self.sink.write(line));
        }
        if let Some(line) = lock(&self.output).unfinished_line() {
            self.sink.write(&line);
        }
    }
}

fn lock(output: &Mutex<OutputBuffer>) -> MutexGuard<'_, OutputBuffer> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

//! A process that runs, and its output.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{io::AsyncReadExt, net::unix::pipe::Receiver, task::JoinHandle, time::timeout};

use super::{
    output::{OutputBuffer, OutputTail},
    spawner::Process,
};

/// What the log calls a worker.
#[derive(Debug)]
pub(crate) struct WorkerName {
    pub(crate) app: String,
    pub(crate) uuid: String,
}

/// A process whose output is read.
#[derive(Debug)]
pub(crate) struct RunningProcess {
    pub(crate) process: Process,
    output: Arc<Mutex<OutputBuffer>>,
    reader: JoinHandle<()>,
    kill_timeout: Duration,
}

impl RunningProcess {
    /// How long a process may take to exit on its own.
    const EXIT_TIMEOUT: Duration = Duration::from_secs(1);
    /// How long the last output may take to arrive after the exit.
    const OUTPUT_TIMEOUT: Duration = Duration::from_millis(200);

    /// Starts to read the output of `process` from `pipe`. The lines also go to the log if `logged_as` is set.
    pub(crate) fn new(
        process: Process,
        pipe: Receiver,
        output: OutputBuffer,
        logged_as: Option<WorkerName>,
        kill_timeout: Duration,
    ) -> Self {
        let output = Arc::new(Mutex::new(output));
        let reader = OutputReader { output: output.clone(), logged_as };
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
    logged_as: Option<WorkerName>,
}

impl OutputReader {
    async fn run(self, mut pipe: Receiver) {
        let mut buffer = vec![0; 8 << 10];
        while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
            lock(&self.output).push(&buffer[..read], |line| {
                if let Some(WorkerName { app, uuid }) = &self.logged_as {
                    tracing::info!(app, uuid, line = %String::from_utf8_lossy(line), "a worker prints");
                }
            });
        }
    }
}

fn lock(output: &Mutex<OutputBuffer>) -> MutexGuard<'_, OutputBuffer> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

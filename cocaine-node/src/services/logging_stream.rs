//! `logging::stream`: follows what workers print and what is logged (`services.md` 5.1).

use std::{sync::Arc, time::UNIX_EPOCH};

use cocaine::{Error, Result, Severity, Stream, server::Dispatch};
use cocaine_bindings::{
    LoggingStream,
    logging_stream::{LogLines, StreamedLine},
};
use futures_util::{
    future::{self, Either},
    stream,
};

use crate::{
    errno::{self, Errno},
    log::{LogBatch, LogBroadcast, LogFollower, LogLine, LogSelection},
    service_host::LimitedService,
};

/// The largest arguments in bytes.
const MAX_ARGS_BYTES: usize = 64 << 10;
/// The most sources: each line is compared with those of each follower.
const MAX_SOURCES: usize = 64;

/// Refuses arguments that are too large before they are decoded.
pub(crate) fn limited<D: Dispatch>(dispatch: D) -> LimitedService<D> {
    LimitedService::new(dispatch, MAX_ARGS_BYTES, |bytes| {
        too_large(format!("the arguments have {bytes} bytes, and may have {MAX_ARGS_BYTES}"))
    })
}

fn too_large(text: String) -> Error {
    errno::error(Errno::TOOBIG, text)
}

/// The service around the lines of a node.
#[derive(Clone, Debug)]
pub(crate) struct LoggingStreamService(LogBroadcast);

impl LoggingStreamService {
    pub(crate) fn new(broadcast: LogBroadcast) -> Self {
        Self(broadcast)
    }

    fn start(&self, sources: &[&str], severity: Severity, history: u64) -> Result<LogFollower> {
        if sources.len() > MAX_SOURCES {
            let text = format!(
                "{} sources were given, and may be {MAX_SOURCES}: name one that is above them",
                sources.len()
            );
            return Err(too_large(text));
        }
        let selection = LogSelection::default()
            .min_severity(severity)
            .history(usize::try_from(history).unwrap_or(usize::MAX));
        let selection = sources.iter().fold(selection, |selection, source| selection.source(*source));
        self.0.follow(selection).map_err(|error| errno::error(Errno::AGAIN, error.to_string()))
    }
}

impl LoggingStream for LoggingStreamService {
    fn follow(
        &self,
        sources: &[&str],
        severity: Severity,
        history: u64,
    ) -> impl Stream<Item = Result<LogLines>> + Send + 'static + use<> {
        match self.start(sources, severity, history) {
            Ok(follower) => Either::Left(stream::unfold(follower, |mut follower| async {
                let batch = follower.recv().await?;
                Some((Ok(encode_batch(&batch)), follower))
            })),
            Err(error) => Either::Right(stream::once(future::ready(Err(error)))),
        }
    }
}

fn encode_batch(batch: &LogBatch) -> LogLines {
    LogLines { lost: batch.lost, lines: batch.lines.iter().map(encode_line).collect() }
}

fn encode_line(line: &Arc<LogLine>) -> StreamedLine {
    let since = line.time.duration_since(UNIX_EPOCH).unwrap_or_default();
    StreamedLine {
        time: u64::try_from(since.as_micros()).unwrap_or(u64::MAX),
        severity: line.severity,
        source: line.source.clone(),
        worker: line.worker.clone(),
        message: line.message.clone(),
        attributes: line.attributes.clone(),
    }
}

//! The end of the control socket in the program that asks.

use std::{io, path::Path, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::UnixStream, time::timeout};

use super::{BACKUP, COMPACT, socket_path::SocketPath};
use crate::store::CompactionSummary;

/// How long the node may send nothing of a backup.
const SILENCE_TIMEOUT: Duration = Duration::from_mins(2);
/// The most bytes of an answer that is not a backup.
const MAX_TEXT: usize = 64 << 10;

/// A connection to the node that uses a data folder.
pub(crate) struct ControlClient(http1::SendRequest<Empty<Bytes>>);

/// Why the node does not answer as it should.
type ControlError = Box<dyn std::error::Error + Send + Sync>;

impl ControlClient {
    /// Connects to the node that uses this folder.
    pub(crate) async fn connect(data: &Path) -> Result<Self, ControlError> {
        let connect = async {
            let socket = SocketPath::new(data)?;
            UnixStream::connect(&socket.path).await
        };
        let stream: io::Result<_> = connect.await;
        let stream = stream.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("its control socket does not answer ({error}); does it start or stop?"),
            )
        })?;
        let (requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // The caller learns of a failure from its response.
        tokio::spawn(connection);
        Ok(Self(requests))
    }

    /// Passes the pieces of a backup to `write` as they come.
    pub(crate) async fn back_up<E: Into<ControlError>>(
        &mut self,
        mut write: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Result<(), E>, ControlError> {
        let mut response = timeout(SILENCE_TIMEOUT, self.send(Method::GET, BACKUP)).await??;
        while let Some(frame) = timeout(SILENCE_TIMEOUT, response.frame()).await? {
            if let Err(error) = frame?.data_ref().map_or(Ok(()), |piece| write(piece)) {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }

    /// Has the database compacted, which takes as long as it takes.
    pub(crate) async fn compact(&mut self) -> Result<CompactionSummary, ControlError> {
        let response = self.send(Method::POST, COMPACT).await?;
        let sizes: serde_json::Value = serde_json::from_slice(&text(response).await?)?;
        let size = |name: &str| sizes[name].as_u64().ok_or_else(|| format!("its answer has no `{name}`"));
        Ok(CompactionSummary { bytes_before: size("bytes_before")?, bytes_after: size("bytes_after")? })
    }

    async fn send(&mut self, method: Method, path: &str) -> Result<Response<Incoming>, ControlError> {
        let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        let response = self.0.send_request(request.body(Empty::new())?).await?;
        match response.status() {
            StatusCode::OK => Ok(response),
            _ => Err(String::from_utf8_lossy(&text(response).await?).into()),
        }
    }
}

async fn text(response: Response<Incoming>) -> Result<Bytes, ControlError> {
    Ok(Limited::new(response.into_body(), MAX_TEXT).collect().await?.to_bytes())
}

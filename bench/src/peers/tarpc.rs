//! tarpc over its serde transport.

use std::future;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tarpc::client;
use tarpc::context::{self, Context};
use tarpc::server::{self, BaseChannel, Channel};
use tarpc::tokio_util::codec::{Framed, LengthDelimitedCodec};
use tokio::net::{TcpListener, TcpStream};
use tokio_serde::formats::Bincode;

use crate::payload::{self, Payload};
use crate::peer::{Caller, Concurrency, Peer};

/// More requests than are ever in flight here.
const REQUESTS: usize = 4096;

/// Returns the transport of either side, with length-delimited frames.
macro_rules! transport {
    ($socket:expr) => {
        tarpc::serde_transport::new(Framed::new($socket, LengthDelimitedCodec::new()), Bincode::default())
    };
}

/// The service as users of tarpc declare it.
#[tarpc::service]
pub trait Storage {
    /// Returns the blob stored under `key`.
    async fn read(collection: String, key: String) -> Option<Bytes>;
}

/// tarpc 0.38.
#[derive(Debug)]
pub struct Tarpc;

impl Peer for Tarpc {
    const NAME: &'static str = "tarpc";
    const SETTINGS: &'static str = "0.38, serde transport with bincode, TCP_NODELAY; requests in flight and both \
                                    buffers 4096; the server polls a request where it arrives and spawns it only \
                                    if it is pending; blobs as bytes::Bytes";
    type Client = StorageClient;

    async fn serve() -> Result<SocketAddr> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(answer(socket));
            }
        });
        Ok(address)
    }

    async fn connect(server: SocketAddr) -> Result<StorageClient> {
        let socket = TcpStream::connect(server).await?;
        socket.set_nodelay(true)?;
        let mut config = client::Config::default();
        config.max_in_flight_requests = REQUESTS;
        config.pending_request_buffer = REQUESTS;
        Ok(StorageClient::new(config, transport!(socket)).spawn())
    }
}

async fn answer(socket: TcpStream) -> Result<()> {
    socket.set_nodelay(true)?;
    let config = server::Config { pending_response_buffer: REQUESTS };
    BaseChannel::new(config, transport!(socket))
        .execute(Server.serve())
        .for_each(|request| {
            let mut request = Box::pin(request);
            if request.as_mut().now_or_never().is_none() {
                tokio::spawn(request);
            }
            future::ready(())
        })
        .await;
    Ok(())
}

#[derive(Clone)]
struct Server;

impl Storage for Server {
    async fn read(self, _: Context, collection: String, key: String) -> Option<Bytes> {
        payload::read(&collection, &key)
    }
}

impl Caller for StorageClient {
    const CONCURRENCY: Concurrency = Concurrency::OneTask;
    type Reply = Bytes;

    async fn call(&self, payload: Payload) -> Result<Bytes> {
        let (collection, key) = payload.args();
        let reply = self.read(context::current(), collection.to_owned(), key.to_owned()).await?;
        reply.context("no such blob")
    }
}

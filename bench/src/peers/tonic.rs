//! tonic with prost. The code that `tonic-build` generates is written by hand, so that no `protoc` is needed.

use std::convert::Infallible;
use std::future::{self, Ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::Result;
use bytes::Bytes;
use http::uri::PathAndQuery;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::server::{NamedService, UnaryService};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower_service::Service;

use crate::payload::{self, Payload};
use crate::peer::{Caller, Concurrency, Peer};

const WINDOW: u32 = 8 << 20;
const FRAME: u32 = 1 << 20;
const STREAMS: u32 = 4096;

#[derive(Clone, PartialEq, prost::Message)]
struct ReadRequest {
    #[prost(string, tag = "1")]
    collection: String,
    #[prost(string, tag = "2")]
    key: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ReadReply {
    #[prost(bytes = "bytes", tag = "1")]
    blob: Bytes,
}

/// tonic 0.14.
#[derive(Debug)]
pub struct Tonic;

impl Peer for Tonic {
    const NAME: &'static str = "tonic";
    const SETTINGS: &'static str = "0.14 with prost, no TLS, no compression, TCP_NODELAY; windows of 8 MiB for \
                                    stream and connection, frames up to 1 MiB, 4096 streams and requests buffered; \
                                    blobs as bytes::Bytes";
    type Client = StorageClient;

    async fn serve() -> Result<SocketAddr> {
        let incoming = TcpIncoming::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?.with_nodelay(Some(true));
        let address = incoming.local_addr()?;
        let server = Server::builder()
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_concurrent_streams(STREAMS)
            .max_frame_size(FRAME)
            .add_service(StorageServer);
        tokio::spawn(server.serve_with_incoming(incoming));
        Ok(address)
    }

    async fn connect(server: SocketAddr) -> Result<StorageClient> {
        let channel = Endpoint::from_shared(format!("http://{server}"))?
            .tcp_nodelay(true)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .buffer_size(STREAMS as usize)
            .max_frame_size(FRAME)
            .connect()
            .await?;
        Ok(StorageClient(Grpc::new(channel)))
    }
}

/// The client as `tonic-build` writes it.
#[derive(Clone, Debug)]
pub struct StorageClient(Grpc<Channel>);

impl StorageClient {
    async fn read(&mut self, request: ReadRequest) -> Result<Response<ReadReply>, Status> {
        self.0
            .ready()
            .await
            .map_err(|error| Status::unknown(format!("the service was not ready: {error}")))?;
        let codec = ProstCodec::<ReadRequest, ReadReply>::default();
        self.0.unary(Request::new(request), PathAndQuery::from_static("/bench.Storage/Read"), codec).await
    }
}

impl Caller for StorageClient {
    const CONCURRENCY: Concurrency = Concurrency::Tasks;
    type Reply = Bytes;

    async fn call(&self, payload: Payload) -> Result<Bytes> {
        let (collection, key) = payload.args();
        let request = ReadRequest { collection: collection.to_owned(), key: key.to_owned() };
        Ok(self.clone().read(request).await?.into_inner().blob)
    }
}

/// The server as `tonic-build` writes it.
#[derive(Clone)]
struct StorageServer;

impl NamedService for StorageServer {
    const NAME: &'static str = "bench.Storage";
}

impl Service<http::Request<Body>> for StorageServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            if request.uri().path() != "/bench.Storage/Read" {
                return Ok(Status::unimplemented("there is one method, Read").into_http());
            }
            let codec = ProstCodec::<ReadReply, ReadRequest>::default();
            Ok(tonic::server::Grpc::new(codec).unary(Read, request).await)
        })
    }
}

struct Read;

impl UnaryService<ReadRequest> for Read {
    type Response = ReadReply;
    type Future = Ready<Result<Response<ReadReply>, Status>>;

    fn call(&mut self, request: Request<ReadRequest>) -> Self::Future {
        let ReadRequest { collection, key } = request.into_inner();
        let blob = payload::read(&collection, &key).ok_or_else(|| Status::not_found("no such blob"));
        future::ready(blob.map(|blob| Response::new(ReadReply { blob })))
    }
}

//! Requests through a NATS server to a service and back, as an event goes through a node to a worker.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::StreamExt;

use super::proxies::{find_program, free_address};
use crate::payload::Payload;
use crate::peer::{Caller, Concurrency, Peer};

/// The subject of the service.
const SUBJECT: &str = "bench.echo";

/// A service of async-nats behind a `nats-server`.
#[derive(Debug)]
pub struct Nats;

/// A connected client.
#[derive(Clone, Debug)]
pub struct NatsClient(async_nats::Client);

/// The server, which ends with this.
struct NatsServer(Child);

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns whether there is a `nats-server` on this machine.
pub fn is_installed() -> bool {
    find_program("nats-server").is_some()
}

impl Caller for NatsClient {
    const CONCURRENCY: Concurrency = Concurrency::Tasks;
    type Reply = Bytes;

    async fn call(&self, payload: Payload) -> Result<Bytes> {
        Ok(self.0.request(SUBJECT, payload.expected().clone()).await?.payload)
    }
}

impl Peer for Nats {
    const NAME: &'static str = "nats";
    const SETTINGS: &'static str = "request and reply of async-nats through a nats-server; the service runs on the thread of the row's server";
    type Client = NatsClient;

    async fn serve() -> Result<SocketAddr> {
        let address = free_address()?;
        let program = find_program("nats-server").context("there is no nats-server")?;
        let mut command = Command::new(program);
        command.args(["-a", "127.0.0.1", "-p", &address.port().to_string()]);
        let server = NatsServer(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        let service = connect(address).await?;
        let mut requests = service.subscribe(SUBJECT).await?;
        service.flush().await?;
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                if let Some(inbox) = request.reply {
                    let _ = service.publish(inbox, request.payload).await;
                }
            }
            drop(server);
        });
        Ok(address)
    }

    async fn connect(server: SocketAddr) -> Result<NatsClient> {
        Ok(NatsClient(connect(server).await?))
    }
}

async fn connect(address: SocketAddr) -> Result<async_nats::Client> {
    for _ in 0..200 {
        if let Ok(client) = async_nats::connect(address.to_string()).await {
            return Ok(client);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("the NATS server at {address} does not accept connections")
}

//! The floor: the same frames on plain tokio sockets.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::frames::Frame;
use crate::payload::Payload;
use crate::peer::{Load, Peer, StopFlag};

const READ_BUFFER: usize = 256 << 10;

/// One loop on each side, without calls or tasks: everything that one read returned is answered in one write.
#[derive(Debug)]
pub struct Floor;

impl Peer for Floor {
    const NAME: &'static str = "floor";
    const SETTINGS: &'static str = "the same frames, one loop on each side, one write for all that a read brought; \
                                    read buffer 256 KiB";
    type Client = FloorClient;

    async fn serve() -> Result<SocketAddr> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await?;
                tokio::spawn(answer(socket));
            }
            #[allow(unreachable_code)]
            Ok::<_, anyhow::Error>(())
        });
        Ok(address)
    }

    async fn connect(server: SocketAddr) -> Result<FloorClient> {
        let socket = TcpStream::connect(server).await?;
        socket.set_nodelay(true)?;
        Ok(FloorClient { socket, unread: ReadBuffer::default(), next_id: 1 })
    }
}

async fn answer(mut socket: TcpStream) -> Result<()> {
    socket.set_nodelay(true)?;
    let request = Frame::request(Payload::Manifest);
    let reply = Frame::reply(Payload::Manifest);
    let mut unread = ReadBuffer::default();
    let mut out = Vec::new();
    loop {
        unread.fill(&mut socket).await?;
        while let Some(id) = unread.next(&request)? {
            reply.write(id, &mut out);
        }
        socket.write_all(&out).await?;
        out.clear();
    }
}

/// The client's loop, and its state between samples.
#[derive(Debug)]
pub struct FloorClient {
    socket: TcpStream,
    unread: ReadBuffer,
    next_id: u64,
}

impl Load for FloorClient {
    const STYLE: &'static str = "the next request is written for each reply of a read, all in one write";

    async fn run(&mut self, payload: Payload, in_flight: usize, stop: &StopFlag) -> Result<u64> {
        ensure!(payload == Payload::Manifest, "the floor supports the small blob only");
        let request = Frame::request(payload);
        let reply = Frame::reply(payload);
        let first = self.next_id;
        let mut out = Vec::new();
        for _ in 0..in_flight {
            request.write(self.next_id, &mut out);
            self.next_id += 1;
        }
        let mut expected = first;
        while expected < self.next_id {
            self.socket.write_all(&out).await?;
            out.clear();
            self.unread.fill(&mut self.socket).await?;
            let stopping = stop.is_set();
            while let Some(id) = self.unread.next(&reply)? {
                ensure!(id == expected, "the reply to {id} instead of {expected}");
                expected += 1;
                if !stopping {
                    request.write(self.next_id, &mut out);
                    self.next_id += 1;
                }
            }
        }
        Ok(expected - first)
    }
}

/// Bytes that were read and not yet consumed.
#[derive(Debug)]
struct ReadBuffer {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Default for ReadBuffer {
    fn default() -> Self {
        Self { buffer: vec![0; READ_BUFFER].into(), start: 0, end: 0 }
    }
}

impl ReadBuffer {
    /// Moves the unconsumed bytes to the front and reads once.
    async fn fill(&mut self, socket: &mut TcpStream) -> Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let read = socket.read(&mut self.buffer[self.end..]).await?;
        ensure!(read > 0, "the connection was closed");
        self.end += read;
        Ok(())
    }

    /// Consumes the next whole frame and returns its id.
    fn next(&mut self, frame: &Frame) -> Result<Option<u64>> {
        let found = frame.read(&self.buffer[self.start..self.end])?;
        Ok(found.map(|(id, len)| {
            self.start += len;
            id
        }))
    }
}

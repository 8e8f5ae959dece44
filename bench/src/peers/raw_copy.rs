//! The floor for large blobs: a copy through the socket between two buffers that are reused.

use std::io::IoSlice;
use std::net::SocketAddr;

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::frames::Frame;
use crate::payload::Payload;
use crate::peer::{Load, Peer, StopFlag};

/// Writes the stored blob without a copy, and reads each reply into the same buffer.
#[derive(Debug)]
pub struct RawCopy;

impl Peer for RawCopy {
    const NAME: &'static str = "raw copy";
    const SETTINGS: &'static str = "the same frames; written from the stored blob, read into one buffer of the \
                                    frame's size that is used again";
    type Client = RawCopyClient;

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

    async fn connect(server: SocketAddr) -> Result<RawCopyClient> {
        let socket = TcpStream::connect(server).await?;
        socket.set_nodelay(true)?;
        let reply = Frame::reply(Payload::Blob);
        let buffer = vec![0; reply.max_len()];
        Ok(RawCopyClient { socket, reply, buffer, next_id: 1 })
    }
}

async fn answer(mut socket: TcpStream) -> Result<()> {
    socket.set_nodelay(true)?;
    let request = Frame::request(Payload::Blob);
    let reply = Frame::reply(Payload::Blob);
    let mut unread = Vec::new();
    let mut head = Vec::new();
    loop {
        ensure!(socket.read_buf(&mut unread).await? > 0, "the connection was closed");
        let mut taken = 0;
        while let Some((id, len)) = request.read(&unread[taken..])? {
            taken += len;
            head.clear();
            reply.write_head(id, &mut head);
            let written = socket.write_vectored(&[IoSlice::new(&head), IoSlice::new(reply.tail())]).await?;
            ensure!(written >= head.len(), "the head of a frame was cut");
            socket.write_all(&reply.tail()[written - head.len()..]).await?;
        }
        unread.drain(..taken);
    }
}

/// The client's loop and its buffer.
pub struct RawCopyClient {
    socket: TcpStream,
    reply: Frame,
    buffer: Vec<u8>,
    next_id: u64,
}

impl RawCopyClient {
    async fn request(&mut self, request: &Frame) -> Result<()> {
        let mut out = Vec::with_capacity(request.max_len());
        request.write(self.next_id, &mut out);
        self.next_id += 1;
        Ok(self.socket.write_all(&out).await?)
    }

    /// Reads exactly one reply.
    async fn receive(&mut self, id: u64) -> Result<()> {
        let mut head = Vec::new();
        self.reply.write_head(id, &mut head);
        let frame = &mut self.buffer[..head.len() + self.reply.tail().len()];
        self.socket.read_exact(frame).await?;
        let found = self.reply.read(frame)?;
        ensure!(found == Some((id, frame.len())), "not the reply to {id}");
        Ok(())
    }
}

impl Load for RawCopyClient {
    const STYLE: &'static str = "the next request is written when a reply is whole";

    async fn run(&mut self, payload: Payload, in_flight: usize, stop: &StopFlag) -> Result<u64> {
        ensure!(payload == Payload::Blob, "the raw copy supports the large blob only");
        let request = Frame::request(payload);
        let first = self.next_id;
        for _ in 0..in_flight {
            self.request(&request).await?;
        }
        let mut expected = first;
        while expected < self.next_id {
            self.receive(expected).await?;
            expected += 1;
            if !stop.is_set() {
                self.request(&request).await?;
            }
        }
        Ok(expected - first)
    }
}

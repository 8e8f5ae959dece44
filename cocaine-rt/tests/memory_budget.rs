//! The heap of a server whose clients do not finish their calls, or do not read their answers.

use allocation_counter::measure;
use cocaine::{
    Bytes, MemoryBudget, Result,
    server::{ReplyMemory, Server},
};
use cocaine_bindings::{ServeStorage, Storage};
use test_support::{raw::RawConnection, wait::wait_until};
use tokio::{io::AsyncWriteExt, net::TcpStream, runtime::Builder};

const MIB: usize = 1 << 20;

/// The budget of the server.
const BUDGET: usize = 32 * MIB;

/// What buffers and tasks may take in addition.
const SLACK: usize = 4 * MIB;

/// The bytes of a blob. The budget has room for two blobs that arrive or are loaded, and the sockets for none.
const BLOB: usize = 11 * MIB;

/// What clients send at once.
static CHUNK: &[u8] = &[0; 64 << 10];

/// A storage of zeros.
struct Zeros(ReplyMemory);

impl Storage for Zeros {
    async fn read(&self, _: &str, key: &str) -> Result<Bytes> {
        let size = key.parse().unwrap();
        self.0.reserve(size).await?;
        Ok(vec![0; size].into())
    }

    async fn write(&self, _: &str, _: &str, _: &Bytes, _: Option<&[&str]>) -> Result<()> {
        Ok(())
    }

    async fn remove(&self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    async fn find(&self, _: &str, _: &[&str]) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// Returns the most bytes that were allocated at once while each of 16 clients sends `head`, and then `zeros` zeros. Everything
/// runs on this thread.
fn peak(head: &'static [u8], zeros: usize) -> usize {
    let run = async {
        let memory = MemoryBudget::new(BUDGET);
        let server = Server::builder(ServeStorage::new(|caller| Zeros(caller.reply_memory())));
        let server = server.memory(memory.clone()).bind("127.0.0.1:0").await.unwrap();
        let mut clients = Vec::new();
        for _ in 0..16 {
            let mut socket = TcpStream::connect(server.local_addr()).await.unwrap();
            clients.push(tokio::spawn(async move {
                socket.write_all(head).await.unwrap();
                for _ in 0..zeros / CHUNK.len() {
                    socket.write_all(CHUNK).await.unwrap();
                }
                socket
            }));
        }
        wait_until("two blobs have room", async || memory.used() > 2 * BLOB).await;
        let mut other = RawConnection::connect(server.local_addr()).await;
        for channel in 1..100 {
            other.expect_pong(channel).await;
        }
        assert!(memory.used() <= BUDGET, "{}", memory.used());
        clients.iter().for_each(tokio::task::JoinHandle::abort);
    };
    let peak =
        measure(|| Builder::new_current_thread().enable_all().build().unwrap().block_on(run)).bytes_max;
    usize::try_from(peak).unwrap()
}

#[test]
fn unfinished_frames_stay_within_the_budget() {
    let peak = peak(b"\x93\x01\x01\x93\xa1c\xa1k\xdb\x00\xb0\x00\x00", BLOB - MIB);
    assert!(peak <= BUDGET + SLACK, "{peak} bytes were allocated");
}

#[test]
fn unread_answers_stay_within_the_budget() {
    let peak = peak(b"\x93\x01\x00\x92\xa1c\xa811534336", 0);
    assert!((2 * BLOB..=BUDGET + SLACK).contains(&peak), "{peak} bytes were allocated");
}

//! A storage service whose behaviour the calls select.

use cocaine::{Bytes, Code, Error, Result, Trace, server::Caller, server::Server};
use cocaine_bindings::{ServeStorage, Storage, StorageClient};
use std::{sync::Arc, sync::atomic::AtomicUsize, sync::atomic::Ordering};
use tokio::sync::Notify;

use crate::test_locator::cloud;

/// A storage whose behaviour the key of a call selects.
#[derive(Clone)]
pub(crate) struct ScriptedStorage {
    trace: Option<Trace>,
    pub(crate) started: Arc<AtomicUsize>,
    pub(crate) wait: Arc<Notify>,
}

impl ScriptedStorage {
    pub(crate) fn new() -> Self {
        Self { trace: None, started: Arc::default(), wait: Arc::default() }
    }

    pub(crate) fn serve(&self) -> ServeStorage<impl Fn(&Caller) -> Self + use<>> {
        let service = self.clone();
        ServeStorage::new(move |caller| {
            assert!(caller.headers().get("panic").is_none(), "as the caller asked");
            Self { trace: caller.trace(), ..service.clone() }
        })
    }
}

impl Storage for ScriptedStorage {
    async fn read(&self, _: &str, key: &str) -> Result<Bytes> {
        self.started.fetch_add(1, Ordering::Relaxed);
        match key {
            "panic" => panic!("as the caller asked"),
            "panic later" => {
                tokio::task::yield_now().await;
                panic!("as the caller asked, later")
            }
            "wait" => self.wait.notified().await,
            "trace" => {
                assert_eq!((Trace::current(), self.trace), (self.trace, Trace::current()));
                tokio::task::yield_now().await;
                assert_eq!(Trace::current(), self.trace, "still current after the move to another task");
            }
            "large" => return Ok(vec![7; 1 << 20].into()),
            "unbound" => return Err(Error::unbound()),
            _ => {}
        }
        Ok(key.into())
    }

    async fn write(&self, _: &str, _: &str, _: &Bytes, _: Option<&[&str]>) -> Result<()> {
        Err(Error::service(Code::PERMISSION_DENIED, "Permission denied"))
    }

    async fn remove(&self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    async fn find(&self, _: &str, tags: &[&str]) -> Result<Vec<String>> {
        Ok(tags.iter().map(ToString::to_string).collect())
    }
}

/// Returns the frame of `read("c", key)`.
pub(crate) fn read(channel: u8, key: &str) -> Vec<u8> {
    let key_len = u8::try_from(key.len()).unwrap();
    [&[0x93, channel, 0, 0x92, 0xa1, b'c', 0xa0 | key_len], key.as_bytes()].concat()
}

pub(crate) async fn storage(service: &ScriptedStorage) -> (StorageClient, Server, Server) {
    let server = Server::bind("127.0.0.1:0", service.serve()).await.unwrap();
    let (client, locator) = cloud::<StorageClient>(&server).await;
    (client.service().await.unwrap(), server, locator)
}

//! Calls without a reply.

use cocaine::{Code, Error, ErrorKind, Limits, Result, Scalar, Severity, server::Caller, server::Server};
use cocaine_bindings::{Logging, LoggingClient, ServeLogging};
use std::{sync::Arc, sync::atomic::AtomicUsize, sync::atomic::Ordering};
use test_support::{raw::RawConnection, wait::wait_until};
use tokio::sync::Notify;

use crate::test_locator::cloud;

/// A logging service in which the source of a line selects whether it waits, fails or panics.
#[derive(Clone, Default)]
struct ScriptedLogging {
    started: Arc<AtomicUsize>,
    wait: Arc<Notify>,
}

impl Logging for ScriptedLogging {
    async fn emit(&self, _: Severity, source: &str, _: &str, _: Option<&[(&str, Scalar)]>) -> Result<()> {
        self.started.fetch_add(1, Ordering::Relaxed);
        match source {
            "wait" => self.wait.notified().await,
            "panic" => panic!("as the caller asked"),
            "fail" => return Err(Error::service(Code::INVALID_VALUE, "no")),
            _ => {}
        }
        Ok(())
    }

    async fn verbosity(&self) -> Result<Severity> {
        Ok(Severity::Info)
    }

    async fn set_verbosity(&self, _: Severity) -> Result<()> {
        Err(Error::unbound())
    }
}

#[tokio::test]
async fn failing_mute_handler_closes_the_connection_silently() {
    let server = Server::bind("127.0.0.1:0", ServeLogging::new(|_: &Caller| ScriptedLogging::default()))
        .await
        .unwrap();
    for source in [b"\xa4fail".as_slice(), b"\xa5panic"] {
        let mut raw = RawConnection::connect(server.local_addr()).await;
        raw.write(b"\x93\x01\x00\x93\x01\xa2ok\xa1m").await;
        raw.expect_pong(2).await;
        raw.write(&[b"\x93\x03\x00\x93\x01".as_slice(), source, b"\xa1m"].concat()).await;
        raw.expect_end().await;
    }
    let (client, _locator) = cloud::<LoggingClient>(&server).await;
    let logging = client.service::<LoggingClient>().await.unwrap();
    let error = logging.set_verbosity(Severity::Debug).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Disconnected(_)), "{error}");
    assert_eq!(logging.verbosity().await.unwrap(), Severity::Info);
}

#[tokio::test]
async fn queued_calls_do_not_stop_reading() {
    let service = ScriptedLogging::default();
    let made = service.clone();
    let limits = Limits::default().max_invocations(1);
    let dispatch = ServeLogging::new(move |_: &Caller| made.clone());
    let server = Server::builder(dispatch).limits(limits).bind("127.0.0.1:0").await.unwrap();
    let mut raw = RawConnection::connect(server.local_addr()).await;
    raw.write(b"\x93\x01\x00\x93\x01\xa4wait\xa1m\x93\x02\x00\x93\x01\xa4wait\xa1m").await;
    wait_until("a call has started", async || service.started.load(Ordering::Relaxed) == 1).await;
    service.wait.notify_one();
    wait_until("the next call has started", async || service.started.load(Ordering::Relaxed) == 2).await;
    service.wait.notify_one();
    raw.expect_pong(3).await;
}

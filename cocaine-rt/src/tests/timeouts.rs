//! The time-outs of a client, on a paused clock.

use std::time::Duration;

use tokio::{net::TcpListener, time::Instant};

use crate::{Client, Error, Service, Session};

#[test]
fn handles_are_send_and_sync() {
    fn check_send<T: Send>() {}
    fn check_sync<T: Sync>() {}
    check_send::<Client>();
    check_send::<Service>();
    check_send::<Error>();
    check_send::<Session>();
    check_sync::<Client>();
    check_sync::<Service>();
    check_sync::<Error>();
}

#[tokio::test(start_paused = true)]
async fn silent_locator_fails_after_locator_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let cloud = Client::builder(&address).unwrap().locator_timeout(Duration::from_secs(2)).build();
    let start = Instant::now();
    let error = cloud.resolve("storage", None).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(start.elapsed().as_secs(), 2);
}

//! A peer that breaks the rules.

use std::time::Duration;

use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use super::peer::{Peer, unary};
use crate::{Error, ErrorKind, Fault, Limits, protocol::graph::Graph};

/// Returns how a call ends whose peer writes `bytes` and then ends the connection, if `ends`.
async fn outcome(bytes: &[u8], ends: bool) -> Result<u32, Error> {
    let (service, mut peer) =
        Peer::with(Graph::new([unary(0, "read")]), 64 << 10, Limits::default().max_frame_bytes(1 << 20));
    let script = async {
        peer.expect("93 01 00 90").await;
        peer.io.write_all(bytes).await.unwrap();
        if ends {
            peer.io.shutdown().await.unwrap();
        } else {
            peer.expect_end().await;
        }
    };
    tokio::join!(service.call("read", ()), script).0
}

#[tokio::test(start_paused = true)]
async fn broken_frame_ends_connection_with_reason() {
    for (bytes, text) in [
        (b"\xdd\xff\xff\xff\xff".as_slice(), "a frame of more than 1048576 bytes"),
        (b"\x94\x01\x00\x90\xdd\x7f\xff\xff\xff", "a frame of more than 1048576 bytes"),
        (b"\xc1", "byte 0xc1 starts no value"),
        (b"\x93\x01\x00\x91\xc7", "byte 0xc7 starts no value"),
        (b"\x92\x01\x00", "fewer than 3 elements"),
        (b"\x93\xff", "the channel or the type is not an unsigned integer"),
        (b"\x93\x01\xa1", "the channel or the type is not an unsigned integer"),
        (b"\x93\x01\x00\xc0", "the arguments are not an array"),
        (b"\x94\x01\x00\x90\xc0", "the headers are not an array"),
        (b"\x94\x01\x00\x90\x91\x00", "unreadable headers"),
        (b"\x94\x01\x00\x90\x91\x53", "unreadable headers"),
        (&[0x91; 64], "fewer than 3 elements"),
        (&[b"\x93\x01\x00".as_slice(), &[0x91; 64]].concat(), "deeper than 32 levels"),
    ] {
        let error = outcome(bytes, false).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Protocol(_)), "{error}");
        assert!(error.to_string().contains(text), "{error} instead of {text}");
        assert_eq!((error.fault(), error.endpoint()), (Fault::Service, Some("peer:1")));
    }
}

#[tokio::test(start_paused = true)]
async fn oversized_reply_fails_call_before_it_arrives() {
    for (bytes, len) in [
        (b"\x93\x01\x00\x91\xdb\x7f\xff\xff\xff".as_slice(), "2147483656"),
        (b"\x93\x01\x00\xdd\x7f\xff\xff\xff", "2147483655"),
        (b"\x93\x01\x00\x91\xdf\xff\xff\xff\xff", "8589934599"),
    ] {
        let limits = Limits::default().max_frame_bytes(1 << 20);
        let (service, mut peer) = Peer::with(Graph::new([unary(0, "read")]), 64 << 10, limits);
        let script = async {
            peer.expect("93 01 00 90").await;
            peer.io.write_all(bytes).await.unwrap();
        };
        let error = tokio::join!(service.call::<_, u32>("read", ()), script).0.unwrap_err();
        let expected = format!("a message of at least {len} bytes is longer than 1048576");
        assert!(
            matches!(error.kind(), ErrorKind::LimitExceeded(text) if text.contains(&expected)),
            "{error}"
        );
        assert!(error.to_string().contains("`max_frame_bytes`"), "{error}");
        // The connection lives on; its next frame is the rest of the reply.
        let next = async { peer.expect("93 02 00 90").await };
        tokio::select! {
            biased;
            () = next => {}
            answer = service.call::<_, u32>("read", ()) => panic!("{answer:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn messages_before_broken_frame_are_delivered() {
    assert_eq!(outcome(b"\x93\x01\x00\x91\x05\xc1", false).await.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn frames_on_unopened_channels_are_dropped() {
    let strange = b"\x93\x00\x00\x90\x93\x09\x07\x90\x93\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x00\x90";
    assert_eq!(outcome(&[strange, b"\x93\x01\x00\x91\x05".as_slice()].concat(), true).await.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn unfinished_frame_is_lost_connection() {
    let error = outcome(b"\x93\x01\x00\x91\xda\xff\xff", true).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Disconnected(_)), "{error}");
}

proptest! {
    #[test]
    fn arbitrary_bytes_always_end_the_call(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        answered(&bytes);
    }

    #[test]
    fn damaged_replies_always_end_the_call(at in 0..60usize, byte in any::<u8>()) {
        let mut reply = b"\x94\x01\x01\x92\x92\x0c\x02\xa4gone\x93\x93\xc2\xa8trace_id\xa8\0\0\0\0\0\0\0\0\x50\x52".to_vec();
        reply.extend_from_slice(b"\x93\x01\x00\x91\x05");
        let place = at % reply.len();
        reply[place] = byte;
        answered(&reply);
    }
}

fn answered(bytes: &[u8]) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let ended = tokio::time::timeout(Duration::from_secs(10), outcome(bytes, true)).await;
        assert!(ended.is_ok(), "the call hangs");
    });
}

//! Credit between two ends that understand it.

use super::*;
use crate::{
    protocol::credit::{CREDIT, CREDIT_HEADER, UNLIMITED, cost, encode_offer},
    wire::hpack,
};

/// Opens a channel whose headers offer credit.
fn offer(mux: &mut Mux) -> ChannelKey {
    let mut headers = vec![0x91];
    hpack::write_literal(&mut headers, CREDIT_HEADER.as_bytes(), &encode_offer(1000));
    let key = mux.open(NewChannel {
        method: 2,
        args: &args(&()),
        headers: FrameHeaders::Encoded(&headers),
        recv_state: RecvState::Streaming,
        ticks: u64::MAX,
        reader: None,
        offers_credit: true,
    });
    let key = key.unwrap();
    for _ in ["sender", "receiver"] {
        mux.add_handle(key);
    }
    key
}

/// Returns a client and a server with a channel that both count.
fn pair() -> (Mux, Mux) {
    let (mut client, mut server) =
        (Mux::new(small(), Role::Client, MemoryBudget::unlimited()), server(small()));
    offer(&mut client);
    feed(&mut server, written(&mut client)).unwrap();
    server.begin().unwrap();
    add_halves(&mut server);
    feed(&mut client, written(&mut server)).unwrap();
    (client, server)
}

/// Counts the halves of the server's channel.
fn add_halves(server: &mut Mux) {
    for _ in ["sender", "receiver"] {
        server.add_handle(peers(1));
    }
}

const OWN: ChannelKey = ChannelKey { id: 1, own: true };

fn room(mux: &mut Mux, key: ChannelKey) -> Poll<u64> {
    mux.poll_send(key, Waker::noop())
}

fn send(mux: &mut Mux, key: ChannelKey, len: usize) -> Vec<u8> {
    mux.send_message(key, 0, &args(&("x".repeat(len),)), FrameHeaders::None).unwrap();
    written(mux)
}

#[test]
fn server_answers_offer_with_its_own_credit() {
    let (mut client, mut server) =
        (Mux::new(small(), Role::Client, MemoryBudget::unlimited()), server(small()));
    offer(&mut client);
    let opening = written(&mut client);
    assert_eq!(
        opening, b"\x94\x01\x02\x90\x91\x93\xc2\xaecocaine-credit\xa8\xe8\x03\0\0\0\0\0\0",
        "as the documentation of the protocol shows"
    );
    feed(&mut server, opening).unwrap();
    assert_eq!(written(&mut server), b"\x93\x01\xcd\xff\xfb\x91\xcd\x03\xe8");
}

#[test]
fn peer_that_offers_nothing_gets_no_credit() {
    let mut server = server(small());
    feed(&mut server, frame(1, 2, &())).unwrap();
    assert_eq!(written(&mut server), b"");
    server.begin().unwrap();
    add_halves(&mut server);
    for _ in 0..20 {
        feed(&mut server, frame(1, 0, &("x".repeat(900),))).unwrap();
        assert_eq!(kinds(&mut server, peers(1)), [0]);
    }
    assert_eq!(written(&mut server), b"");
    assert!(room(&mut server, peers(1)).is_ready());
}

#[test]
fn sender_without_credit_waits_for_the_reader() {
    let (mut client, mut server) = pair();
    let sent = send(&mut server, peers(1), 500);
    assert!(room(&mut server, peers(1)).is_ready(), "below 1000");
    feed(&mut client, sent).unwrap();
    feed(&mut client, send(&mut server, peers(1), 500)).unwrap();
    let (alarm, waker) = Alarm::new();
    assert!(server.poll_send(peers(1), &waker).is_pending());
    assert!(written(&mut client).is_empty(), "nothing is read yet");
    assert_eq!(kinds(&mut client, OWN), [0, 0]);
    let grant = written(&mut client);
    assert_eq!(grant, frame(1, CREDIT, &(cost(504),)).repeat(2), "half a window or more at once");
    feed(&mut server, grant).unwrap();
    assert_eq!(alarm.rung(&mut server), 1);
    assert!(room(&mut server, peers(1)).is_ready());
}

#[test]
fn both_directions_are_counted() {
    let (mut client, mut server) = pair();
    feed(&mut server, send(&mut client, OWN, 2000)).unwrap();
    assert!(room(&mut client, OWN).is_pending(), "a message may exceed the credit, once");
    assert_eq!(kinds(&mut server, peers(1)), [0]);
    feed(&mut client, written(&mut server)).unwrap();
    assert!(room(&mut client, OWN).is_ready());
}

#[test]
fn bytes_sent_before_the_answer_count() {
    let (mut client, mut server) =
        (Mux::new(small(), Role::Client, MemoryBudget::unlimited()), server(small()));
    offer(&mut client);
    let opening = written(&mut client);
    let early = send(&mut client, OWN, 2000);
    assert!(room(&mut client, OWN).is_ready(), "the peer has not answered");
    feed(&mut server, [opening, early].concat()).unwrap();
    feed(&mut client, written(&mut server)).unwrap();
    assert!(room(&mut client, OWN).is_pending());
}

#[test]
fn dropped_reader_lets_the_sender_finish() {
    let (mut client, mut server) = pair();
    feed(&mut client, send(&mut server, peers(1), 2000)).unwrap();
    assert!(room(&mut server, peers(1)).is_pending());
    client.release_receiver(OWN);
    let grant = written(&mut client);
    assert_eq!(grant, frame(1, CREDIT, &(UNLIMITED,)));
    feed(&mut server, grant).unwrap();
    for _ in 0..5 {
        assert!(room(&mut server, peers(1)).is_ready());
        feed(&mut client, send(&mut server, peers(1), 2000)).unwrap();
    }
    assert_eq!((written(&mut client), client.unread_bytes), (Vec::new(), 0));
    client.release(OWN);
    assert!(client.own.get(1).is_none(), "freed with the last half");
}

#[test]
fn dropped_reader_of_server_lets_client_finish() {
    let (mut client, mut server) = pair();
    feed(&mut server, send(&mut client, OWN, 2000)).unwrap();
    server.release_receiver(peers(1));
    feed(&mut client, written(&mut server)).unwrap();
    assert!(room(&mut client, OWN).is_ready());
}

#[test]
fn end_of_channel_wakes_the_waiting_sender() {
    let (mut client, mut server) = pair();
    send(&mut server, peers(1), 2000);
    let (alarm, waker) = Alarm::new();
    assert!(server.poll_send(peers(1), &waker).is_pending());
    let revoke = frame(2, crate::protocol::graph::REVOKE, &(1, (1, 9)));
    feed(&mut server, revoke).unwrap();
    assert_eq!(alarm.rung(&mut server), 1);
    assert!(room(&mut server, peers(1)).is_ready());
    send(&mut client, OWN, 2000);
    assert!(client.poll_send(OWN, &waker).is_pending());
    client.close(&Error::disconnected("gone"));
    assert_eq!(alarm.rung(&mut client), 2);
}

#[test]
fn late_credit_is_dropped_and_early_refused() {
    let (_, mut server) = pair();
    feed(&mut server, frame(1, 2, &())).unwrap();
    assert_eq!(kinds(&mut server, peers(1)), [2]);
    feed(&mut server, frame(1, CREDIT, &(5,))).unwrap();
    release_halves(&mut server);
    feed(&mut server, frame(1, CREDIT, &(5,))).unwrap();
    assert!(feed(&mut server, frame(9, CREDIT, &(5,))).is_err(), "no such channel");
}

fn release_halves(server: &mut Mux) {
    server.release_receiver(peers(1));
    server.release(peers(1));
    server.finish_invocation(1, cost_of_session(), None);
    assert!(server.peers.is_empty());
}

fn cost_of_session() -> InvocationCost {
    InvocationCost { is_long_lived: true, bytes: 0 }
}

#[test]
fn credit_without_offer_ends_the_connection() {
    let mut server = server(small());
    feed(&mut server, frame(1, 2, &())).unwrap();
    assert!(feed(&mut server, frame(1, CREDIT, &(5,))).is_err());
}

#[test]
fn malformed_and_enormous_grants_do_no_harm() {
    let (_, mut server) = pair();
    for _ in 0..3 {
        feed(&mut server, frame(1, CREDIT, &(u64::MAX,))).unwrap();
    }
    assert!(room(&mut server, peers(1)).is_ready());
    assert!(feed(&mut server, frame(1, CREDIT, &("much",))).is_err());
}

#[test]
fn peer_that_ignores_its_credit_congests() {
    let mut server = server(small().max_frame_bytes(2000).max_in_use_bytes(1 << 20));
    let mut client = Mux::new(small(), Role::Client, MemoryBudget::unlimited());
    offer(&mut client);
    feed(&mut server, written(&mut client)).unwrap();
    server.begin().unwrap();
    add_halves(&mut server);
    for _ in 0..3 {
        feed(&mut server, frame(1, 0, &("x".repeat(900),))).unwrap();
        assert!(server.wants_input());
    }
    feed(&mut server, frame(1, 0, &("x".repeat(900),))).unwrap();
    assert!(!server.wants_input());
}

#[test]
fn worker_grants_credit_if_its_node_offers() {
    let graph = Graph::new([Method {
        id: 0,
        name: "invoke".into(),
        dispatch: Tree::streaming(),
        upstream: Tree::streaming(),
    }]);
    let mut worker =
        Mux::new(small(), Role::Worker(Arc::new(RootProtocol::new(&graph))), MemoryBudget::unlimited());
    feed(&mut worker, frame(2, 0, &("event",))).unwrap();
    assert_eq!(written(&mut worker), b"", "an original node never sees it");
    worker.accept_credit(1000);
    feed(&mut worker, frame(3, 0, &("event",))).unwrap();
    assert_eq!(written(&mut worker), frame(3, CREDIT, &(1000,)));
    worker.begin().unwrap();
    send(&mut worker, peers(3), 2000);
    assert!(room(&mut worker, peers(3)).is_pending());
    assert!(room(&mut worker, peers(2)).is_ready());
}

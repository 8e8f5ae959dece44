//! Many callers on several threads.

use std::sync::Arc;

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::JoinSet,
};

use super::peer::{Peer, unary};
use crate::{
    Limits, Service,
    protocol::graph::Graph,
    wire::{
        decode,
        encode::{self, Encoded},
        frame::{self, FrameHeaders},
        scan::Scanner,
    },
};

/// Answers each call with its own argument, the last of each read first; returns the ids as they came.
async fn answer(mut io: DuplexStream) -> Vec<u64> {
    let (mut scanner, mut input, mut ids) = (Scanner::new(1 << 20), BytesMut::new(), Vec::new());
    while io.read_buf(&mut input).await.unwrap() > 0 {
        let mut calls = Vec::new();
        while let Some(extent) = scanner.frame(&input).unwrap() {
            let frame = input.split_to(extent.len).freeze();
            let number: u64 = decode::args(&frame.slice(extent.args)).unwrap();
            ids.push(extent.channel);
            calls.push((extent.channel, number));
        }
        let mut replies = Encoded::default();
        for (channel, number) in calls.into_iter().rev() {
            let mut args = Encoded::default();
            encode::args(&(number,), &mut args).unwrap();
            frame::write(&mut replies, channel, 0, &args, FrameHeaders::None);
        }
        io.write_all(&replies.flatten()).await.unwrap();
    }
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thousands_of_callers_get_their_own_answers() {
    const CALLERS: u64 = 3000;
    const CALLS: u64 = 4;
    let (service, peer) = Peer::with(Graph::new([unary(0, "echo")]), 4096, Limits::default());
    let wire = tokio::spawn(answer(peer.io));
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let service = service.clone();
        callers.spawn(async move {
            for call in 0..CALLS {
                let number = caller * CALLS + call;
                assert_eq!(service.call::<_, u64>("echo", number).await.unwrap(), number);
            }
        });
    }
    callers.join_all().await;
    drop(service);
    let ids = wire.await.unwrap();
    assert_eq!(ids.len() as u64, CALLERS * CALLS);
    assert!(ids.is_sorted_by(|one, two| one < two));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_are_cut_off_leave_nothing_behind() {
    let (service, peer) = Peer::with(Graph::new([unary(0, "echo")]), 4096, Limits::default());
    let wire = tokio::spawn(answer(peer.io));
    let mut callers = JoinSet::new();
    for number in 0..2000u64 {
        let service = service.clone();
        callers.spawn(async move {
            if number % 2 == 0 {
                drop(
                    tokio::time::timeout(std::time::Duration::ZERO, service.call::<_, u64>("echo", number))
                        .await,
                );
            } else {
                assert_eq!(service.call::<_, u64>("echo", number).await.unwrap(), number);
            }
        });
    }
    callers.join_all().await;
    // Replies come in order: with this one, those of the dropped calls are there, too.
    assert_eq!(service.call::<_, u64>("echo", 1).await.unwrap(), 1);
    assert_eq!(live(&service), 0);
    drop(service);
    wire.await.unwrap();
}

fn live(service: &Service) -> usize {
    service.current_connection().handle.with(|mux| mux.in_flight())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_above_output_limit_are_all_answered() {
    let limits = Limits::default().max_queued_bytes(256);
    let (service, peer) = Peer::with(Graph::new([unary(0, "echo")]), 512, limits);
    let wire = tokio::spawn(answer(peer.io));
    let service = Arc::new(service);
    let callers: JoinSet<_> = (0..1000u64)
        .map(|number| {
            let service = service.clone();
            async move { assert_eq!(service.call::<_, u64>("echo", number).await.unwrap(), number) }
        })
        .collect();
    callers.join_all().await;
    drop(service);
    assert_eq!(wire.await.unwrap().len(), 1000);
}

//! Calls whose client may send nothing but `close`, and does so when it lets go (`services.md` 8).

use std::{sync::Arc, time::Duration};

use super::peer::{Peer, method};
use crate::{
    Code, ErrorKind, Guard, Receiver, Service,
    protocol::graph::{CallKind, Edge, Tree, TreeNode, TreeShape},
};

fn close() -> Tree {
    let close = Edge { id: 0, name: "close".into(), next: Tree::end() };
    Tree::Node(Arc::new(TreeNode::new([close])))
}

fn unicorn() -> (Service, Peer) {
    Peer::serving([
        method(0, "subscribe", close(), Tree::streaming()),
        method(3, "get", close(), Tree::primitive()),
        method(8, "lock", close(), Tree::streaming()),
    ])
}

#[test]
fn method_with_only_close_opens_no_session() {
    assert_eq!((close().shape(), close().closing()), (TreeShape::Other, Some(0)));
    for (upstream, kind) in [
        (Tree::primitive(), CallKind::Unary),
        (Tree::streaming(), CallKind::Streaming),
        (Tree::end(), CallKind::Session),
        (close(), CallKind::Session),
    ] {
        assert_eq!(CallKind::of(&close(), &upstream), kind, "{upstream}");
    }
    for (id, name, next) in [(0, "discard", Tree::end()), (0, "close", Tree::Recurse)] {
        let tree = Tree::Node(Arc::new(TreeNode::new([Edge { id, name: name.into(), next }])));
        assert_eq!(tree.closing(), None, "{tree}");
    }
}

#[tokio::test(start_paused = true)]
async fn answered_and_failed_calls_are_closed() {
    let (service, mut peer) = unicorn();
    let calls = async {
        assert_eq!(service.call::<_, ((String, i64),)>("get", ("/a",)).await.unwrap().0, ("v".to_owned(), 0));
        let error = service.call::<_, ((String, i64),)>("get", ("/",)).await.unwrap_err();
        assert_eq!(error.code(), Some(Code::INVALID_PATH));
    };
    let script = async {
        peer.expect("93 01 03 91 a2 2f 61").await;
        peer.write("93 01 00 91 92 a1 76 00").await;
        peer.expect("93 01 00 90 93 02 03 91 a1 2f").await;
        peer.write("93 02 01 91 92 0b 06").await;
        peer.expect("93 02 00 90").await;
        peer.expect_silence().await;
    };
    tokio::join!(calls, script);
}

#[tokio::test(start_paused = true)]
async fn dropped_and_late_calls_are_closed() {
    let (service, mut peer) = unicorn();
    let call = tokio::spawn({
        let service = service.clone();
        async move { service.call::<_, ()>("get", ("/a",)).await }
    });
    peer.expect("93 01 03 91 a2 2f 61").await;
    call.abort();
    peer.expect("93 01 00 90").await;
    let hasty = service.with_deadline(Duration::from_millis(10));
    let (late, ()) = tokio::join!(hasty.call::<_, ()>("get", ("/a",)), async {
        peer.expect("93 02 03 91 a2 2f 61").await;
        peer.expect_after(Duration::from_millis(10), "93 02 00 90").await;
    });
    assert!(matches!(late.unwrap_err().kind(), ErrorKind::Deadline(_)));
    peer.write("93 01 00 90 93 02 00 90").await;
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn dropped_and_ended_streams_are_closed() {
    let (service, mut peer) = unicorn();
    let mut changes: Receiver<(i64,)> = service.stream("subscribe", ("/a",));
    peer.expect("93 01 00 91 a2 2f 61").await;
    peer.write("93 01 00 91 05").await;
    assert_eq!(changes.recv().await.unwrap().unwrap(), (5,));
    drop(changes);
    peer.expect("93 01 00 90").await;
    let mut changes: Receiver<(i64,)> = service.stream("subscribe", ("/a",));
    peer.expect("93 02 00 91 a2 2f 61").await;
    peer.write("93 02 01 91 92 0b 08").await;
    assert_eq!(changes.recv().await.unwrap().unwrap_err().code(), Some(Code::NO_NODE));
    peer.expect("93 02 00 90").await;
    assert!(changes.recv().await.is_none());
    drop(changes);
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn dropped_guard_is_released() {
    let (service, mut peer) = unicorn();
    let script = async {
        peer.expect("93 01 08 91 a2 2f 61").await;
        peer.expect_silence().await;
        peer.write("93 01 00 91 c3").await;
    };
    let (held, ()) = tokio::join!(Guard::acquire(&service, "lock", ("/a",)), script);
    let held = held.unwrap();
    peer.expect_silence().await;
    drop(held);
    peer.expect("93 01 00 90").await;
    peer.expect_silence().await;
}

#[tokio::test(start_paused = true)]
async fn waiting_for_guard_can_be_cut_short() {
    let (service, mut peer) = unicorn();
    let waiting = tokio::spawn({
        let service = service.clone();
        async move { Guard::acquire(&service, "lock", ("/a",)).await }
    });
    peer.expect("93 01 08 91 a2 2f 61").await;
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert!(!waiting.is_finished(), "there is no deadline");
    waiting.abort();
    peer.expect("93 01 00 90").await;
    let hasty = service.with_deadline(Duration::from_secs(5));
    let late = Guard::acquire(&hasty, "lock", ("/a",)).await.unwrap_err();
    assert!(matches!(late.kind(), ErrorKind::Deadline(_)), "{late}");
    peer.expect("93 02 08 91 a2 2f 61 93 02 00 90").await;
    for (id, answer, text) in
        [(3, "01 91 92 0b 06", "11"), (4, "00 91 c2", "`false`"), (5, "02 90", "without acquiring")]
    {
        let (refused, ()) = tokio::join!(Guard::acquire(&service, "lock", ("/a",)), async {
            peer.expect(&format!("93 0{id} 08 91 a2 2f 61")).await;
            peer.write(&format!("93 0{id} {answer}")).await;
            peer.expect(&format!("93 0{id} 00 90")).await;
        });
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(text), "{refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn guard_reports_its_loss() {
    let (service, mut peer) = unicorn();
    for (id, end, code) in
        [(1, "93 01 01 91 92 0b 0a", Some(Code::CONNECTION_LOSS)), (2, "93 02 02 90", None)]
    {
        let (held, ()) = tokio::join!(Guard::acquire(&service, "lock", ("/a",)), async {
            peer.expect(&format!("93 0{id} 08 91 a2 2f 61")).await;
            peer.write(&format!("93 0{id} 00 91 c3")).await;
        });
        let mut held = held.unwrap();
        peer.write(end).await;
        assert_eq!(held.lost().await.code(), code);
        peer.expect(&format!("93 0{id} 00 90")).await;
    }
}

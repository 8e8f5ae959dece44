use std::{pin::pin, time::UNIX_EPOCH};

use cocaine::{Bytes, Scalar, Severity};
use futures_util::poll;

use super::{LogBatch, LogBroadcast, LogFollower, LogLine, LogSelection, MAX_FOLLOWERS};

fn message(source: &str, severity: Severity, text: &str) -> LogLine {
    LogLine {
        time: UNIX_EPOCH,
        severity,
        source: source.to_owned(),
        worker: None,
        message: Bytes::from(text),
        attributes: Vec::new(),
    }
}

fn printed(app: &str, text: &str) -> LogLine {
    LogLine::printed(app, "uuid", Bytes::from(text))
}

fn texts(batch: &LogBatch) -> Vec<String> {
    batch.lines.iter().map(|line| String::from_utf8_lossy(&line.message).into_owned()).collect()
}

/// Returns what a follower has got so far: how many lines were lost, and the others.
async fn received(follower: &mut LogFollower) -> (u64, Vec<String>) {
    let (mut lost, mut lines) = (0, Vec::new());
    while let std::task::Poll::Ready(Some(batch)) = poll!(pin!(follower.recv())) {
        lost += batch.lost;
        lines.extend(texts(&batch));
    }
    (lost, lines)
}

fn lines(texts: &[&str]) -> (u64, Vec<String>) {
    (0, texts.iter().map(|text| (*text).to_owned()).collect())
}

#[tokio::test]
async fn selected_lines_are_received_in_order() {
    let broadcast = LogBroadcast::default();
    let follow = |selection| broadcast.follow(selection).unwrap();
    let mut all = follow(LogSelection::default());
    let mut app = follow(LogSelection::default().app("a"));
    let mut severe = follow(LogSelection::default().source("app").min_severity(Severity::Warning));
    broadcast.publish(printed("a", "1"));
    broadcast.publish(message("app/a/part", Severity::Error, "2"));
    broadcast.publish(message("app/another", Severity::Warning, "3"));
    broadcast.publish(message("application", Severity::Error, "4"));
    broadcast.publish(message("app/a", Severity::Debug, "5"));
    assert_eq!(received(&mut all).await, lines(&["1", "2", "3", "4", "5"]));
    assert_eq!(received(&mut app).await, lines(&["1", "2", "5"]));
    assert_eq!(received(&mut severe).await, lines(&["2", "3"]));
}

#[tokio::test]
async fn printed_bytes_arrive_as_they_are() {
    let broadcast = LogBroadcast::default();
    let mut follower = broadcast.follow(LogSelection::default()).unwrap();
    broadcast.publish(LogLine::printed("a", "uuid", Bytes::from(&b"caf\xe9\0"[..])));
    assert_eq!(follower.recv().await.unwrap().lines[0].message, b"caf\xe9\0"[..]);
}

#[tokio::test]
async fn history_comes_before_what_follows() {
    let broadcast = LogBroadcast::default();
    for number in 0..5 {
        broadcast.publish(printed("a", &format!("a{number}")));
        broadcast.publish(message("b", Severity::Info, &format!("b{number}")));
    }
    let mut last = broadcast.follow(LogSelection::default().history(3)).unwrap();
    let mut app = broadcast.follow(LogSelection::default().app("a").history(usize::MAX)).unwrap();
    let mut none = broadcast.follow(LogSelection::default()).unwrap();
    broadcast.publish(printed("a", "new"));
    assert_eq!(received(&mut last).await, lines(&["b3", "a4", "b4", "new"]));
    assert_eq!(received(&mut app).await, lines(&["a0", "a1", "a2", "a3", "a4", "new"]));
    assert_eq!(received(&mut none).await, lines(&["new"]));
}

#[tokio::test]
async fn slow_follower_learns_how_many_are_lost() {
    let broadcast = LogBroadcast::default();
    let mut slow = broadcast.follow(LogSelection::default()).unwrap();
    let mut quick = broadcast.follow(LogSelection::default()).unwrap();
    let long = "x".repeat(LogLine::MAX_MESSAGE_BYTES);
    let mut quick_count = 0;
    for _ in 0..40 {
        broadcast.publish(printed("a", &long));
        quick_count += received(&mut quick).await.1.len();
    }
    assert_eq!(quick_count, 40);
    let (lost, kept) = received(&mut slow).await;
    assert_eq!((lost, kept.len()), (25, 15));
    broadcast.publish(printed("a", "again"));
    assert_eq!(received(&mut slow).await, lines(&["again"]));
}

#[tokio::test]
async fn loss_is_reported_before_the_next_lines() {
    let broadcast = LogBroadcast::default();
    let mut slow = broadcast.follow(LogSelection::default()).unwrap();
    let long = "x".repeat(LogLine::MAX_MESSAGE_BYTES);
    (0..17).for_each(|_| broadcast.publish(printed("a", &long)));
    let batch = slow.recv().await.unwrap();
    assert_eq!((batch.lost, batch.lines.len()), (0, 2));
    broadcast.publish(printed("a", "fits"));
    let mut batches = Vec::new();
    while batches.last().is_none_or(|batch: &LogBatch| batch.lost == 0) {
        batches.push(slow.recv().await.unwrap());
    }
    assert_eq!(batches.iter().map(|batch| batch.lines.len()).sum::<usize>(), 13 + 1);
    let last = batches.last().unwrap();
    assert_eq!((last.lost, texts(last)), (2, vec!["fits".to_owned()]));
}

#[tokio::test]
async fn long_lines_and_attributes_are_cut() {
    let broadcast = LogBroadcast::default();
    let mut follower = broadcast.follow(LogSelection::default()).unwrap();
    let mut line = message(&"s".repeat(5000), Severity::Info, &"x".repeat(LogLine::MAX_MESSAGE_BYTES + 1));
    let large = Scalar::from("y".repeat(LogLine::MAX_MESSAGE_BYTES).as_str());
    line.attributes = vec![("small".into(), 1.into()), ("large".into(), large), ("later".into(), 2.into())];
    broadcast.publish(line);
    let batch = follower.recv().await.unwrap();
    let line = &batch.lines[0];
    assert_eq!((line.source.len(), line.message.len()), (1024, LogLine::MAX_MESSAGE_BYTES));
    assert_eq!(line.attributes, [("small".to_owned(), 1.into())]);
}

#[tokio::test]
async fn history_is_bounded_by_bytes_and_apps() {
    let broadcast = LogBroadcast::default();
    for app in 0..70 {
        let text = app.to_string() + &"x".repeat(50 << 10);
        (0..3).for_each(|_| broadcast.publish(printed(&app.to_string(), &text)));
    }
    let kept: Vec<_> = {
        let state = broadcast.lock();
        state.history.last(&LogSelection::default().history(usize::MAX))
    };
    assert_eq!(kept.len(), 64 * 2);
    assert_eq!(kept[0].source, "app/6");
    let mut follower = broadcast.follow(LogSelection::default().history(usize::MAX)).unwrap();
    let (lost, lines) = received(&mut follower).await;
    assert_eq!((lost, lines.len()), (64 * 2 - 20, 20));
    assert!(lines[19].starts_with("69"));
}

#[tokio::test]
async fn followers_are_limited_and_removed() {
    let broadcast = LogBroadcast::default();
    let mut followers: Vec<_> =
        (0..MAX_FOLLOWERS).map(|_| broadcast.follow(LogSelection::default()).unwrap()).collect();
    let refused = broadcast.follow(LogSelection::default()).unwrap_err().to_string();
    assert_eq!(refused, "the log has 64 followers, and may have no more at once: end one");
    followers.pop();
    assert!(broadcast.follow(LogSelection::default()).is_ok());
}

#[tokio::test]
async fn closed_log_ends_after_the_last_line() {
    let broadcast = LogBroadcast::default();
    let mut follower = broadcast.follow(LogSelection::default()).unwrap();
    broadcast.publish(printed("a", "last"));
    broadcast.close();
    assert_eq!(texts(&follower.recv().await.unwrap()), ["last"]);
    assert_eq!(follower.recv().await, None);
    assert_eq!(broadcast.follow(LogSelection::default()).unwrap().recv().await, None);
}

use std::task::Waker;

use super::*;

fn frames(mut body: ReplyBody) -> (Vec<u8>, Option<String>) {
    let mut all = Vec::new();
    let cx = &mut Context::from_waker(Waker::noop());
    loop {
        match Pin::new(&mut body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => all.extend_from_slice(&frame.into_data().unwrap()),
            Poll::Ready(Some(Err(cut_off))) => return (all, Some(cut_off.to_string())),
            Poll::Ready(None) => return (all, None),
            Poll::Pending => panic!("nothing is still to come"),
        }
    }
}

fn pieces(texts: &[&'static str]) -> VecDeque<Bytes> {
    texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect()
}

#[test]
fn what_is_here_has_a_length() {
    let body = ReplyBody::new(pieces(&["one", "two"]), None, None);
    assert_eq!(body.size_hint().exact(), Some(6));
    assert_eq!(frames(body), (b"onetwo".to_vec(), None));
    assert!(ReplyBody::default().is_end_stream());
    assert!(ReplyBody::whole(Bytes::new()).is_end_stream());
}

#[test]
fn a_surplus_is_dropped() {
    let body = ReplyBody::new(pieces(&["one", "two", "three"]), None, Some(5));
    assert_eq!(body.size_hint().exact(), Some(5));
    assert_eq!(frames(body), (b"onetw".to_vec(), None));
    assert_eq!(frames(ReplyBody::new(pieces(&["surplus"]), None, Some(0))), (Vec::new(), None));
}

#[test]
fn a_lack_is_an_error() {
    let (sent, error) = frames(ReplyBody::new(pieces(&["one"]), None, Some(5)));
    assert_eq!(sent, b"one");
    assert!(error.unwrap().contains("2 bytes shorter"));
}

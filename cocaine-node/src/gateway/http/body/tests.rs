use std::task::Waker;

use super::*;

/// Returns the bytes of a body, and its error.
fn read(mut body: ResponseBody) -> (Vec<u8>, Option<String>) {
    let mut all = Vec::new();
    let cx = &mut Context::from_waker(Waker::noop());
    loop {
        match Pin::new(&mut body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => all.extend_from_slice(&frame.into_data().unwrap()),
            Poll::Ready(Some(Err(error))) => return (all, Some(error.to_string())),
            Poll::Ready(None) => return (all, None),
            Poll::Pending => panic!("the body is pending"),
        }
    }
}

fn chunks(texts: &[&'static str]) -> VecDeque<Bytes> {
    texts.iter().map(|text| Bytes::from_static(text.as_bytes())).collect()
}

#[test]
fn buffered_body_has_a_length() {
    let body = ResponseBody::new(chunks(&["one", "two"]), None, None);
    assert_eq!(body.size_hint().exact(), Some(6));
    assert_eq!(read(body), (b"onetwo".to_vec(), None));
    assert!(ResponseBody::default().is_end_stream());
    assert!(ResponseBody::full(Bytes::new()).is_end_stream());
}

#[test]
fn surplus_bytes_are_dropped() {
    let body = ResponseBody::new(chunks(&["one", "two", "three"]), None, Some(5));
    assert_eq!(body.size_hint().exact(), Some(5));
    assert_eq!(read(body), (b"onetw".to_vec(), None));
    assert_eq!(read(ResponseBody::new(chunks(&["surplus"]), None, Some(0))), (Vec::new(), None));
}

#[test]
fn short_body_is_an_error() {
    let (sent, error) = read(ResponseBody::new(chunks(&["one"]), None, Some(5)));
    assert_eq!(sent, b"one");
    assert!(error.unwrap().contains("2 bytes shorter"));
}

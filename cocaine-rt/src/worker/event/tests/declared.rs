use std::fmt;

use super::{EventEnd, ask, packed};
use crate::{AppError, Code, Error, Stream, events, worker};

#[derive(Debug, AppError)]
enum LinkError {
    #[app_error(code = 1)]
    NotFound,
    #[app_error(other)]
    Other(Error),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no link")
    }
}

#[worker]
async fn find(is_other: bool) -> Result<u8, LinkError> {
    Err(if is_other {
        LinkError::Other(Error::service(Code::NOT_FOUND, "no blob"))
    } else {
        LinkError::NotFound
    })
}

#[worker]
async fn list() -> impl Stream<Item = Result<u8, LinkError>> {
    futures_util::stream::iter([Ok(1), Err(LinkError::NotFound), Ok(2)])
}

#[worker]
async fn open(fails: bool) -> Result<impl Stream<Item = Result<u8, LinkError>>, &'static str> {
    if fails { Err("closed") } else { Ok(futures_util::stream::iter([Err(LinkError::NotFound)])) }
}

#[derive(Default)]
struct Links;

#[worker]
impl Links {
    #[event(errors(Full = 2))]
    async fn store(&self) -> crate::Result<()> {
        Err(Error::user(2, "full"))
    }
}

#[tokio::test]
async fn declared_error_is_sent_with_its_code() {
    let not_found = || EventEnd::Failed(43, 1, "no link".to_owned());
    assert_eq!(ask(events![find], [packed(&false)]).await, not_found());
    assert_eq!(ask(events![find], [packed(&true)]).await, EventEnd::Failed(12, 2, "no blob".to_owned()));
    assert_eq!(ask(events![list], []).await, not_found());
    assert_eq!(ask(events![open], [packed(&false)]).await, not_found());
    assert_eq!(ask(events![open], [packed(&true)]).await, EventEnd::failed("closed"));
    assert_eq!(ask(Links, []).await, EventEnd::Failed(43, 2, "full".to_owned()));
}

//! Declared errors: their definitions, and how events refer to them.

use std::fmt;

use cocaine::{
    AppError, Category, Code, Error, Result, Stream, events,
    schema::{AppSchema, ErrorDefinition, ErrorVariant},
    worker,
};

/// Why there is no link.
#[derive(Debug, AppError)]
enum LinkError {
    /// There is no such link.
    #[app_error(code = 1)]
    NotFound,
    #[app_error(code = -2)]
    Taken { by: String },
    #[app_error(code = 3)]
    Wrong(u8, u8),
    #[app_error(other)]
    Other(Error),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no link: {self:?}")
    }
}

#[derive(Clone, Copy, Debug, thiserror::Error, AppError)]
#[repr(i32)]
enum Limit {
    #[error("the quota is used up")]
    Quota = 10,
    #[error("too fast")]
    Rate = 11,
}

mod other {
    /// A namesake with other errors.
    #[derive(Debug, cocaine::AppError)]
    pub(super) enum LinkError {
        #[app_error(code = 9)]
        Gone,
    }

    impl std::fmt::Display for LinkError {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("gone")
        }
    }
}

#[worker]
async fn read() -> Result<u8, LinkError> {
    Err(LinkError::NotFound)
}

#[worker]
async fn watch() -> Result<impl Stream<Item = Result<u8, LinkError>>, LinkError> {
    Ok(futures_util::stream::empty())
}

#[worker]
async fn gone() -> impl Stream<Item = Result<u8, other::LinkError>> {
    futures_util::stream::iter([Err(other::LinkError::Gone)])
}

#[worker]
async fn read_all() -> Result<impl Stream<Item = Result<u8, LinkError>>, Limit> {
    if std::env::args().len() == usize::MAX { Err(Limit::Rate) } else { Ok(futures_util::stream::empty()) }
}

#[worker(event = "store link", errors(NotFound = 1, Full = -7))]
async fn store() -> Result<()> {
    Err(Error::user(-7, "full"))
}

#[worker]
async fn plain() -> Result<()> {
    Ok(())
}

fn variant(name: &str, code: i64) -> ErrorVariant {
    ErrorVariant { name: name.to_owned(), doc: String::new(), category: 43, code }
}

fn names(definition: &ErrorDefinition) -> Vec<(&str, i64)> {
    definition.variants.iter().map(|variant| (variant.name.as_str(), variant.code)).collect()
}

#[test]
fn definition_has_names_docs_and_codes() {
    let not_found = ErrorVariant { doc: "There is no such link.".to_owned(), ..variant("NotFound", 1) };
    let variants = vec![not_found, variant("Taken", -2), variant("Wrong", 3)];
    let expected = ErrorDefinition { doc: "Why there is no link.".to_owned(), variants };
    assert_eq!((LinkError::NAME, LinkError::definition()), ("LinkError", expected));
    assert_eq!(names(&Limit::definition()), [("Quota", 10), ("Rate", 11)]);
}

#[test]
fn variants_become_errors_with_codes() {
    let taken = Error::from(LinkError::Taken { by: "ann".to_owned() });
    assert_eq!(taken.code(), Some(Code::user(-2)));
    assert!(taken.to_string().starts_with("no link: Taken { by: \"ann\" }"), "{taken}");
    assert_eq!(Error::from(LinkError::Wrong(1, 2)).code(), Some(Code::user(3)));
    let quota = Error::from(Limit::Quota);
    assert_eq!(quota.code(), Some(Code::new(Category::WORKER_USER, 10)));
    assert!(quota.to_string().starts_with("the quota is used up"), "{quota}");
    let other = Error::from(LinkError::Other(Error::service(Code::NOT_FOUND, "no blob")));
    assert_eq!(
        (other.code(), other.to_string()),
        (Some(Code::NOT_FOUND), "no blob (generic, [12,2])".to_owned())
    );
}

#[test]
fn events_refer_to_their_errors() {
    let schema = AppSchema::of(events![read, watch, gone, read_all, store, plain]).unwrap();
    let error = |event: &str| schema.events[event].error.as_deref();
    assert_eq!((error("watch"), error("plain")), (error("read"), None));
    assert_eq!(error("store link"), Some("StoreLinkError"));
    assert_eq!(names(&schema.errors["StoreLinkError"]), [("NotFound", 1), ("Full", -7)]);
    let [gone, read] = [error("gone"), error("read")].map(|name| names(&schema.errors[name.unwrap()]));
    assert_eq!((gone, read), (vec![("Gone", 9)], vec![("NotFound", 1), ("Taken", -2), ("Wrong", 3)]));
    let both = [("Quota", 10), ("Rate", 11), ("NotFound", 1), ("Taken", -2), ("Wrong", 3)];
    assert_eq!(
        (error("read_all"), names(&schema.errors["ReadAllError"])),
        (Some("ReadAllError"), both.to_vec())
    );
    assert_eq!(schema.errors.len(), 4);
}

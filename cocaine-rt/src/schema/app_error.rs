//! Errors that an app declares.

use std::fmt::Display;

use super::app::ErrorDefinition;
use crate::protocol::error::Error;

/// Errors that the events of an app declare: an enum whose variants have codes. Derive it: `#[derive(AppError)]`.
///
/// A handler that returns `Result<T, E>`, or a stream of these, sends the code of the variant in category 43, with the text
/// that the enum displays. The errors are a part of the app's schema, so that a generated client has an enum of them.
///
/// ```
/// use cocaine::{AppError, Code, Error};
///
/// #[derive(Debug, AppError)]
/// enum LinkError {
///     /// There is no such link.
///     #[app_error(code = 1)]
///     NotFound,
///     /// Somebody else has the slug.
///     #[app_error(code = 2)]
///     Taken { by: String },
///     /// An error of a service, which keeps its own code.
///     #[app_error(other)]
///     Other(Error),
/// }
///
/// impl std::fmt::Display for LinkError {
///     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
///         match self {
///             Self::NotFound => f.write_str("there is no such link"),
///             Self::Taken { by } => write!(f, "{by} has this slug"),
///             Self::Other(error) => error.fmt(f),
///         }
///     }
/// }
///
/// let error = Error::from(LinkError::Taken { by: "ann".to_owned() });
/// assert_eq!(error.code(), Some(Code::user(2)));
/// assert_eq!(LinkError::definition().variants[0].doc, "There is no such link.");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` declares no errors",
    note = "derive `cocaine::AppError` for an enum that implements `std::fmt::Display`"
)]
pub trait AppError: Display + Into<Error> {
    /// The name of the type, under which a schema has the errors.
    const NAME: &'static str;

    /// Returns the errors, in their order.
    fn definition() -> ErrorDefinition;
}

/// Returns the error that the client receives. It is no method of the trait, for which the compiler would report a missing
/// `Display` twice.
pub fn declared_error<E: AppError>(error: &E, code: i32) -> Error {
    Error::user(code, error.to_string())
}

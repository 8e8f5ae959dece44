//! The errors of a fetch, with their POSIX numbers.

use std::{error::Error as StdError, io};

use cocaine::{Code, Error};

use super::address_filter::DeniedError;

use crate::errno::{self, Errno};

/// A fetch failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// The request is invalid.
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Denied(#[from] DeniedError),
    #[error(transparent)]
    Unresolved(#[from] UnresolvedError),
    #[error("there are more than {0} redirects (`urlfetch.max_redirects`)")]
    TooManyRedirects(usize),
    #[error("the body has more than {0} bytes (`urlfetch.max_body`)")]
    TooLarge(usize),
    /// An error of the operating system, by its number.
    #[error("{}", errno::strerror(*.0))]
    System(i32),
    /// The response is not valid HTTP.
    #[error("{0}")]
    InvalidResponse(String),
}

/// A host name has no addresses.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{name} has no address: {reason}")]
pub(super) struct UnresolvedError {
    pub(super) name: String,
    pub(super) reason: String,
}

/// The number of characters of a URL that an error shows.
const MAX_URL_CHARS: usize = 2048;

impl FetchError {
    /// Returns the error of a timeout.
    pub(super) fn timed_out() -> Self {
        Self::System(Errno::TIMEDOUT.raw_os_error())
    }

    /// Converts an error of the HTTP client. Its sources are searched for one of our own errors or a system error;
    /// anything else is an invalid response.
    pub(super) fn from_client_error(error: &(dyn StdError + 'static)) -> Self {
        let mut last = error;
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(denied) = error.downcast_ref::<DeniedError>() {
                return Self::Denied(*denied);
            }
            if let Some(unresolved) = error.downcast_ref::<UnresolvedError>() {
                return Self::Unresolved(unresolved.clone());
            }
            if let Some(number) = error.downcast_ref().and_then(system_error_number) {
                return Self::System(number);
            }
            last = error;
            next = error.source();
        }
        Self::InvalidResponse(last.to_string())
    }

    fn code(&self) -> i32 {
        let number = match self {
            Self::System(number) => return *number,
            Self::Invalid(_) => Errno::INVAL,
            Self::Denied(_) => Errno::ACCESS,
            Self::Unresolved(_) => Errno::HOSTUNREACH,
            Self::TooManyRedirects(_) => Errno::LOOP,
            Self::TooLarge(_) => Errno::FBIG,
            Self::InvalidResponse(_) => Errno::PROTO,
        };
        number.raw_os_error()
    }

    /// Returns the error that a caller gets, with the recorded text.
    pub(super) fn to_service_error(&self, url: &str) -> Error {
        let shown: String = url.chars().take(MAX_URL_CHARS).collect();
        let text = format!("Unable to download {shown}, error {self}");
        Error::service(Code::posix(self.code().into()), text)
    }
}

/// Returns the system error number of an I/O error, which may be wrapped in others.
fn system_error_number(error: &io::Error) -> Option<i32> {
    if error.kind() == io::ErrorKind::TimedOut {
        return Some(Errno::TIMEDOUT.raw_os_error());
    }
    error.raw_os_error().or_else(|| system_error_number(error.get_ref()?.downcast_ref()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(failure: &FetchError) -> (Option<i64>, String) {
        let answer = failure.to_service_error("http://host/");
        (answer.code().map(|code| code.code), answer.to_string())
    }

    #[test]
    fn system_errors_have_posix_numbers_and_texts() {
        let refused = io::Error::from_raw_os_error(111);
        let (code, text) = answered(&FetchError::from_client_error(&refused));
        assert_eq!(code, Some(111));
        assert!(
            text.starts_with("Unable to download http://host/, error Connection refused (generic"),
            "{text}"
        );
        let wrapped = io::Error::other(io::Error::other(io::Error::from_raw_os_error(104)));
        assert_eq!(answered(&FetchError::from_client_error(&wrapped)).0, Some(104));
        let late = io::Error::new(io::ErrorKind::TimedOut, "late");
        assert_eq!(answered(&FetchError::from_client_error(&late)).0, Some(110));
        assert!(answered(&FetchError::timed_out()).1.contains("error Connection timed out"));
    }

    #[test]
    fn other_errors_have_their_posix_number() {
        let (code, text) = answered(&FetchError::from_client_error(&io::Error::other("no status")));
        assert_eq!(code, Some(71));
        assert!(text.contains("error no status"), "{text}");
        assert_eq!(answered(&FetchError::Invalid("x".into())).0, Some(22));
        assert_eq!(answered(&FetchError::TooManyRedirects(3)).0, Some(40));
        assert_eq!(answered(&FetchError::TooLarge(3)).0, Some(27));
    }

    #[test]
    fn long_url_is_truncated_in_error() {
        let text = FetchError::timed_out().to_service_error(&"ü".repeat(100_000)).to_string();
        assert!(text.len() < 5000, "{}", text.len());
    }
}

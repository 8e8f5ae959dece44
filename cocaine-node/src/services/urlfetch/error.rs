//! Why there is no answer in HTTP, by the numbers of POSIX.

use std::{error::Error as StdError, io};

use cocaine::{Category, Error};

use super::address_filter::DeniedError;

use crate::errno::{self, Errno};

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// What is asked for cannot be asked of anybody.
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Denied(#[from] DeniedError),
    #[error(transparent)]
    Unresolved(#[from] UnresolvedError),
    #[error("there are more than {0} redirects (`urlfetch.max_redirects`)")]
    Redirects(usize),
    #[error("the body has more than {0} bytes (`urlfetch.max_body`)")]
    TooLarge(usize),
    /// What the operating system reported.
    #[error("{}", errno::strerror(*.0))]
    System(i32),
    /// What came is no answer in HTTP.
    #[error("{0}")]
    Garbled(String),
}

/// A name without addresses.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{name} has no address: {reason}")]
pub(super) struct UnresolvedError {
    pub(super) name: String,
    pub(super) reason: String,
}

/// How much of a URL an error shows.
const SHOWN: usize = 2048;

impl FetchError {
    /// No answer in time.
    pub(super) fn late() -> Self {
        Self::System(Errno::TIMEDOUT.raw_os_error())
    }

    /// Returns why a client of HTTP failed: by the number of the system if there is one, by a refusal of ours, or by the
    /// protocol.
    pub(super) fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut last = error;
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(denied) = error.downcast_ref::<DeniedError>() {
                return Self::Denied(*denied);
            }
            if let Some(unresolved) = error.downcast_ref::<UnresolvedError>() {
                return Self::Unresolved(unresolved.clone());
            }
            if let Some(number) = error.downcast_ref().and_then(number) {
                return Self::System(number);
            }
            last = error;
            next = error.source();
        }
        Self::Garbled(last.to_string())
    }

    fn code(&self) -> i32 {
        let number = match self {
            Self::System(number) => return *number,
            Self::Invalid(_) => Errno::INVAL,
            Self::Denied(_) => Errno::ACCESS,
            Self::Unresolved(_) => Errno::HOSTUNREACH,
            Self::Redirects(_) => Errno::LOOP,
            Self::TooLarge(_) => Errno::FBIG,
            Self::Garbled(_) => Errno::PROTO,
        };
        number.raw_os_error()
    }

    /// Returns the error that callers get, in the recorded words.
    pub(super) fn answer(&self, url: &str) -> Error {
        let shown: String = url.chars().take(SHOWN).collect();
        let text = format!("Unable to download {shown}, error {self}");
        Error::service(Category::GENERIC, self.code().into(), text)
    }
}

/// Returns the number of the system that an error stands for, however often it was wrapped.
fn number(error: &io::Error) -> Option<i32> {
    if error.kind() == io::ErrorKind::TimedOut {
        return Some(Errno::TIMEDOUT.raw_os_error());
    }
    error.raw_os_error().or_else(|| number(error.get_ref()?.downcast_ref()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(failure: &FetchError) -> (Option<i64>, String) {
        let answer = failure.answer("http://host/");
        (answer.code(), answer.to_string())
    }

    #[test]
    fn system_errors_have_posix_numbers_and_texts() {
        let refused = io::Error::from_raw_os_error(111);
        let (code, text) = answered(&FetchError::of(&refused));
        assert_eq!(code, Some(111));
        assert!(
            text.starts_with("Unable to download http://host/, error Connection refused (generic"),
            "{text}"
        );
        let wrapped = io::Error::other(io::Error::other(io::Error::from_raw_os_error(104)));
        assert_eq!(answered(&FetchError::of(&wrapped)).0, Some(104));
        let late = io::Error::new(io::ErrorKind::TimedOut, "late");
        assert_eq!(answered(&FetchError::of(&late)).0, Some(110));
        assert!(answered(&FetchError::late()).1.contains("error Connection timed out"));
    }

    #[test]
    fn other_errors_have_their_posix_number() {
        let (code, text) = answered(&FetchError::of(&io::Error::other("no status")));
        assert_eq!(code, Some(71));
        assert!(text.contains("error no status"), "{text}");
        assert_eq!(answered(&FetchError::Invalid("x".into())).0, Some(22));
        assert_eq!(answered(&FetchError::Redirects(3)).0, Some(40));
        assert_eq!(answered(&FetchError::TooLarge(3)).0, Some(27));
    }

    #[test]
    fn long_url_is_truncated_in_error() {
        let text = FetchError::late().answer(&"ü".repeat(100_000)).to_string();
        assert!(text.len() < 5000, "{}", text.len());
    }
}

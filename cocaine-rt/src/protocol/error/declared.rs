//! The errors that an app declares, for generated code: errors of a service with a code of their own.

use super::{Error, ErrorKind};
use crate::protocol::code::{Category, Code};

/// Returns the category and the code of an error, if a service has chosen them.
pub fn error_code(error: &Error) -> Option<(i64, i64)> {
    error.code().map(|Code { category, code }| (category.0, code))
}

/// Returns the error of an app that has declared this code.
pub fn coded_error(category: i64, code: i64, text: String) -> Error {
    Error::service(Code::new(Category(category), code), text)
}

/// Returns `error` if it has this code, and otherwise one with this code and its text.
pub fn with_code(error: Error, category: i64, code: i64) -> Error {
    if error_code(&error) == Some((category, code)) {
        return error;
    }
    let text = match error.kind() {
        ErrorKind::Service { message, .. } => message.clone(),
        kind => kind.to_string(),
    };
    coded_error(category, code, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_keeps_its_text_with_another_code() {
        let declared = coded_error(43, 1, "gone".to_owned());
        assert_eq!(error_code(&declared), Some((43, 1)));
        assert_eq!(with_code(declared.clone(), 43, 1).to_string(), declared.to_string());
        assert_eq!(with_code(declared, 43, 2).to_string(), coded_error(43, 2, "gone".to_owned()).to_string());
        let lost = Error::disconnected("closed");
        assert_eq!(error_code(&lost), None);
        assert_eq!(error_code(&with_code(lost, 43, 3)), Some((43, 3)));
    }
}

//! Decides which responses have no content, for all code that reads or writes responses.
//!
//! | response | body | Content-Length |
//! |---|---|---|
//! | to HEAD, 304 | none | that of the content that is omitted (RFC 9110, 8.6) |
//! | 1xx, 204 | none | forbidden (RFC 9110, 8.6) |
//! | 205 | empty | 0: the response does not end with its head (RFC 9110, 15.3.6; RFC 9112, 6.3) |

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

/// Returns whether a response ends with its head, whatever its headers say (RFC 9112, 6.3).
pub fn ends_with_head(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Returns whether a response is sent without content: it ends with its head, or its body must be empty.
pub fn forbids_content(method: &Method, status: StatusCode) -> bool {
    ends_with_head(method, status) || status == StatusCode::RESET_CONTENT
}

/// Corrects the Content-Length of a response that is sent without content.
pub fn set_bodiless_length(status: StatusCode, headers: &mut HeaderMap) {
    if status == StatusCode::RESET_CONTENT {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    } else if status.is_informational() || status == StatusCode::NO_CONTENT {
        headers.remove(header::CONTENT_LENGTH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns whether a response to GET has a body on the wire, whether it may have content, and its length.
    fn rules(status: u16) -> (bool, bool, Option<String>) {
        let status = StatusCode::from_u16(status).unwrap();
        let mut headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, HeaderValue::from_static("5"))]);
        set_bodiless_length(status, &mut headers);
        let length = headers.get(header::CONTENT_LENGTH).map(|length| length.to_str().unwrap().to_owned());
        (!ends_with_head(&Method::GET, status), !forbids_content(&Method::GET, status), length)
    }

    #[test]
    fn bodiless_statuses_follow_the_rfc() {
        assert_eq!(rules(200), (true, true, Some("5".into())));
        assert_eq!(rules(103), (false, false, None));
        assert_eq!(rules(204), (false, false, None));
        assert_eq!(rules(205), (true, false, Some("0".into())));
        assert_eq!(rules(304), (false, false, Some("5".into())));
        assert!(
            ends_with_head(&Method::HEAD, StatusCode::OK) && forbids_content(&Method::HEAD, StatusCode::OK)
        );
    }
}

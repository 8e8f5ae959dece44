//! What a caller decides by: the predicates of an error, who has to act, and whether a retry is safe.

use super::{Error, ErrorKind};
use crate::protocol::code::{Category, Code};

/// The party that has to act to resolve an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The caller: an argument, a name, a setting, or outdated bindings.
    Caller,
    /// The service: it replied with an error, or violated the protocol.
    Service,
    /// The network, or a peer that does not respond.
    Network,
}

impl Error {
    /// Returns whether the requested blob, unicorn node, service or running app does not exist.
    pub fn is_not_found(&self) -> bool {
        const CODES: [Code; 4] =
            [Code::NOT_FOUND, Code::NO_NODE, Code::SERVICE_NOT_AVAILABLE, Code::NOT_RUNNING];
        self.code().is_some_and(|code| CODES.contains(&code))
    }

    /// Returns whether a deadline has passed: that of this side, or one of the service.
    pub fn is_timeout(&self) -> bool {
        const CODES: [Code; 3] = [Code::DEADLINE_PASSED, Code::INVOCATION_TIMED_OUT, Code::TIMED_OUT];
        matches!(self.kind(), ErrorKind::Deadline(_)) || self.code().is_some_and(|code| CODES.contains(&code))
    }

    /// Returns whether the connection ended before the reply arrived.
    pub fn is_disconnected(&self) -> bool {
        matches!(self.kind(), ErrorKind::Disconnected(_))
    }

    /// Returns whether no connection could be established.
    pub fn is_connect(&self) -> bool {
        matches!(self.kind(), ErrorKind::Connect(_))
    }

    /// Returns whether the queue of the app is full. The event did not reach a worker and may be sent again.
    pub fn is_queue_full(&self) -> bool {
        self.code() == Some(Code::QUEUE_FULL)
    }

    /// Returns whether the app was stopped. The next call resolves its name again.
    pub fn is_app_stopped(&self) -> bool {
        self.code() == Some(Code::APP_STOPPED)
    }

    /// Returns whether the caller lacks the permission for the request.
    pub fn is_permission_denied(&self) -> bool {
        self.code().is_some_and(|code| code == Code::PERMISSION_DENIED || code.category == Category::SECURITY)
    }

    /// Returns whether the app has no handler for the event.
    pub fn is_unknown_event(&self) -> bool {
        matches!(self.code(), Some(Code::UNKNOWN_EVENT | Code::EVENT_NOT_FOUND))
    }

    /// Returns whether the caller was made for another schema of the app, or for another graph of the service.
    pub fn is_schema_mismatch(&self) -> bool {
        matches!(self.kind(), ErrorKind::SchemaMismatch { .. }) || self.code() == Some(Code::SCHEMA_MISMATCH)
    }

    /// Returns who has to act.
    pub fn fault(&self) -> Fault {
        match self.kind() {
            _ if self.is_schema_mismatch() => Fault::Caller,
            ErrorKind::Config(_) | ErrorKind::Encode(_) => Fault::Caller,
            ErrorKind::Connect(_) | ErrorKind::Disconnected(_) | ErrorKind::Deadline(_) => Fault::Network,
            ErrorKind::Multiple(errors) => errors.first().map_or(Fault::Service, Self::fault),
            _ => Fault::Service,
        }
    }

    /// Returns whether the request certainly had no effect, so that it may be sent again.
    pub fn is_safe_to_retry(&self) -> bool {
        match self.kind() {
            ErrorKind::Connect(_) => true,
            ErrorKind::Service { code, .. } => {
                matches!(*code, Code::QUEUE_FULL | Code::SERVICE_NOT_AVAILABLE)
            }
            ErrorKind::Multiple(errors) => errors.iter().all(Self::is_safe_to_retry),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn predicates_cover_their_codes() {
        let service = |code| Error::service(code, "");
        for code in [Code::NOT_FOUND, Code::NO_NODE, Code::SERVICE_NOT_AVAILABLE, Code::NOT_RUNNING] {
            assert!(service(code).is_not_found(), "{code}");
        }
        for code in [Code::DEADLINE_PASSED, Code::INVOCATION_TIMED_OUT, Code::TIMED_OUT] {
            assert!(service(code).is_timeout(), "{code}");
        }
        assert!(Error::new(ErrorKind::Deadline(Duration::ZERO)).is_timeout());
        assert!(service(Code::QUEUE_FULL).is_queue_full() && service(Code::APP_STOPPED).is_app_stopped());
        assert!(
            service(Code::UNKNOWN_EVENT).is_unknown_event()
                && service(Code::EVENT_NOT_FOUND).is_unknown_event()
        );
        assert!(service(Code::new(Category::SECURITY, 3)).is_permission_denied());
        let outdated = service(Code::SCHEMA_MISMATCH);
        assert!(outdated.is_schema_mismatch() && outdated.fault() == Fault::Caller);
        assert!(!service(Code::HANDLER_FAILED).is_schema_mismatch());
        assert!(!service(Code::INVALID_VALUE).is_not_found() && !service(Code::EOF).is_timeout());
    }
}

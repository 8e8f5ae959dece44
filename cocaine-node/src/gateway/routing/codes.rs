//! Errors of services that decide about retries and statuses.

use cocaine::Category;

/// The queue of the app is full.
pub(crate) const QUEUE_FULL: (Category, i64) = (Category::OVERSEER, 1);
/// The app was stopped before it took the event.
pub(crate) const APP_STOPPED: (Category, i64) = (Category::GENERIC, 32);
/// The locator does not know the service.
pub(crate) const SERVICE_UNKNOWN: (Category, i64) = (Category::LOCATOR, 1);

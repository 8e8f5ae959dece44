//! The apps of the node for its gateway.

use std::sync::Arc;

use cocaine::{Bytes, Headers, Result};
use futures_util::{FutureExt as _, future::BoxFuture};

use crate::{
    apps,
    gateway::{AppHandle, LocalApps, ResponseStream},
    services::locator::LocatorShared,
};

/// The apps of a node that its locator announces.
#[derive(Debug)]
pub(super) struct AnnouncedApps {
    pub(super) apps: apps::Apps,
    pub(super) locator: Arc<LocatorShared>,
}

impl LocalApps for AnnouncedApps {
    fn find(&self, service: &str) -> Option<Arc<dyn AppHandle>> {
        if self.locator.is_group(service) {
            return None;
        }
        self.apps.announced(service).map(|app| app as Arc<dyn AppHandle>)
    }
}

impl AppHandle for apps::LocalApp {
    fn call(
        &self,
        event: &str,
        headers: Headers,
        chunk: Bytes,
    ) -> BoxFuture<'static, Result<ResponseStream>> {
        let called = Self::call(self, event, headers, chunk);
        called.map(|response| Ok(Box::pin(response?) as ResponseStream)).boxed()
    }
}

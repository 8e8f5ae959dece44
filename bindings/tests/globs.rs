//! The names of the runtime and of the bindings can be imported together.

#![allow(clippy::wildcard_imports)]

use cocaine::*;
use cocaine_bindings::*;

/// A name that both crates export is ambiguous where it is used, and only there.
#[test]
fn both_globs_name_their_items() {
    fn is_client<C: ServiceClient>() {}
    fn is_storage<S: Storage>() {}

    is_client::<StorageClient>();
    is_client::<NodeClient>();
    is_storage::<StorageClient>();
    let error: Result<()> = Ok(());
    assert!(error.is_ok());
}

//! Tests with a store whose disk can block, fill up and fail, and with many concurrent callers.

mod failures;
mod locks;
mod subscriptions;

use std::{collections::BTreeSet, future::poll_fn, pin::pin, task::Poll};

use cocaine::{Category, Code, MemoryBudget, Stream};
use futures_util::{StreamExt, future::join_all};
use redb::WriteTransaction;
use tokio::task::{JoinSet, unconstrained};

use super::*;
use crate::store::{Change, StoreError, tests::disk::FaultyDisk};

static ONE: Value = Value::UInt(1);

fn tree_on(store: Store) -> TreeClient {
    client_of(UnicornShared::new(store, Limits::default(), MemoryBudget::unlimited()).into())
}

/// Returns a new client of a tree.
fn client_of(shared: Arc<UnicornShared>) -> TreeClient {
    let store = ClientStore::new(shared.hub.store.clone(), Arc::default());
    TreeClient { shared, store }
}

/// Polls a future once; it must still be pending.
async fn poll_pending(future: impl Future) {
    let mut future = pin!(future);
    poll_fn(|context| {
        assert!(future.as_mut().poll(context).is_pending());
        Poll::Ready(())
    })
    .await;
}

/// Returns the next item of a stream if it is ready.
async fn ready<S: Stream<Item = Result<T>> + Unpin, T>(stream: &mut S) -> Option<Result<T>> {
    poll_fn(|context| match stream.poll_next_unpin(context) {
        Poll::Ready(item) => Poll::Ready(item),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn version(stream: &mut SubscriptionStream<ValueItems>) -> Option<i64> {
    ready(stream).await.map(|item| item.unwrap().version)
}

async fn names(stream: &mut SubscriptionStream<ChildrenItems>) -> Option<(i64, Vec<String>)> {
    ready(stream).await.map(|item| item.unwrap()).map(|children| (children.version, children.names))
}

fn code<T>(outcome: Result<T, UnicornError>) -> i64 {
    let Err(error) = outcome else { panic!("the operation succeeds") };
    error.into_service_error().code().unwrap().code
}

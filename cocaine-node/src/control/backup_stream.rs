//! A backup as it is sent: a piece at a time, as the receiver reads.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    task::spawn_blocking,
    time::timeout,
};

use crate::store::BackupEncoder;

/// How long the receiver may read nothing. While it reads, the pages of its snapshot cannot be used again.
const STALL_TIMEOUT: Duration = Duration::from_mins(1);

/// A backup that is under way, and the permit for it.
type Encoding = (BackupEncoder, OwnedSemaphorePermit);

/// Where a backup is between two pieces.
type EncodingSlot = Arc<Mutex<Option<Encoding>>>;

/// Returns the pieces of a backup. If it cannot be finished, the last one says why. It is given up if the receiver reads
/// nothing for a while.
pub(super) fn backup_stream(
    encoder: BackupEncoder,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + use<> {
    let slot: EncodingSlot = Arc::new(Mutex::new(Some((encoder, permit))));
    let (progress, watched) = watch::channel(());
    tokio::spawn(drop_stalled(slot.clone(), watched));
    stream::unfold((slot, progress), |(slot, progress)| async move {
        let encoding = take(&slot)?;
        let (piece, rest) = next_piece(encoding).await?;
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = rest;
        // Fails if the backup is not watched any more, because it was given up.
        let _ = progress.send(());
        Some((Ok(piece), (slot, progress)))
    })
}

/// Returns a piece, and what is left of the backup.
async fn next_piece((mut encoder, permit): Encoding) -> Option<(Bytes, Option<Encoding>)> {
    let reading = spawn_blocking(move || {
        let piece = encoder.next_piece();
        (piece, encoder)
    });
    match reading.await {
        Ok((Ok(piece), encoder)) => Some((piece?, Some((encoder, permit)))),
        Ok((Err(error), encoder)) => {
            tracing::error!(%error, "a backup is not finished");
            Some((encoder.fail(&error.to_string()), None))
        }
        // The runtime ends: the receiver finds that the backup is incomplete.
        Err(_) => None,
    }
}

/// Drops a backup whose receiver reads nothing.
async fn drop_stalled(slot: EncodingSlot, mut progress: watch::Receiver<()>) {
    loop {
        match timeout(STALL_TIMEOUT, progress.changed()).await {
            Ok(Ok(())) => {}
            // The stream is gone.
            Ok(Err(_)) => return,
            Err(_) => {
                // While a piece is read from the disk, there is nothing to drop.
                if take(&slot).is_some() {
                    tracing::warn!(
                        "a backup is given up: its receiver has read nothing for {STALL_TIMEOUT:?}"
                    );
                    return;
                }
            }
        }
    }
}

fn take(slot: &EncodingSlot) -> Option<Encoding> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::StreamExt;
    use tokio::{sync::Semaphore, time::sleep};

    use super::*;
    use crate::store::{BackupReader, Store};

    /// Returns a store with a blob of one MiB.
    async fn store() -> Store {
        let store = Store::in_memory().unwrap();
        store.write("c", "k", vec![1; 1 << 20].into(), &[]).await.unwrap();
        store
    }

    fn backup(
        store: &Store,
        permits: &Arc<Semaphore>,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> + use<> {
        let permit = permits.clone().try_acquire_owned().unwrap();
        backup_stream(BackupEncoder::new(store.snapshot().unwrap()), permit)
    }

    #[tokio::test(start_paused = true)]
    async fn stalled_receiver_loses_its_backup() {
        let (store, permits) = (store().await, Arc::new(Semaphore::new(1)));
        let mut pieces = pin!(backup(&store, &permits));
        assert_eq!(pieces.next().await.unwrap().unwrap().len(), 256 << 10);
        sleep(STALL_TIMEOUT / 2).await;
        assert_eq!(pieces.next().await.unwrap().unwrap().len(), 256 << 10);
        sleep(STALL_TIMEOUT / 2).await;
        assert_eq!(permits.available_permits(), 0);
        sleep(STALL_TIMEOUT).await;
        assert_eq!(permits.available_permits(), 1);
        assert!(pieces.next().await.is_none());
    }

    #[tokio::test]
    async fn finished_backup_gives_permit_back() {
        let (store, permits) = (store().await, Arc::new(Semaphore::new(1)));
        let pieces = backup(&store, &permits).collect::<Vec<_>>().await;
        assert_eq!(pieces.len(), 5);
        assert_eq!(permits.available_permits(), 1);
        let mut pieces = pin!(backup(&store, &permits));
        assert_eq!(permits.available_permits(), 0);
        store.close().await;
        let pieces = pieces.as_mut().map(Result::unwrap).collect::<Vec<_>>().await.concat();
        let failure = BackupReader::new(&pieces[..]).and_then(BackupReader::check).unwrap_err();
        assert_eq!(failure.to_string(), "the node could not finish it: the store is closed");
    }
}

//! The root certificates of the machine.

use rustls::RootCertStore;
use tokio::task::spawn_blocking;

/// Loads the root certificates of the machine. Without any, nothing can be fetched over TLS.
pub(super) async fn load() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = spawn_blocking(rustls_native_certs::load_native_certs).await.unwrap_or_default();
    for error in &found.errors {
        tracing::warn!(%error, "certificates cannot be read");
    }
    let (_, unusable) = roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        tracing::warn!(unusable, "there are no certificates to trust in: nothing can be fetched over TLS");
    }
    roots
}

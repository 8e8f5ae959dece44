//! Whom the machine trusts in.

use rustls::RootCertStore;
use tokio::task::spawn_blocking;

/// Returns the certificates that the machine trusts in; without any, nothing can be fetched over TLS.
pub(super) async fn of_machine() -> RootCertStore {
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

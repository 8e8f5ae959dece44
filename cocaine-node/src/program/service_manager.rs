//! What the program tells the service manager that started it, such as systemd with `Type=notify` or `notify-reload`.
//! Without one, nothing.

use sd_notify::NotifyState;

/// Tells that the program serves.
pub(crate) fn notify_ready() {
    notify(&[NotifyState::Ready]);
}

/// Tells that the configuration is being read again; [`notify_ready`] ends that.
pub(crate) fn notify_reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "the service manager is not told of a reload: no clock"),
    }
}

/// Tells that the program ends.
pub(crate) fn notify_stopping() {
    notify(&[NotifyState::Stopping]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be reached");
    }
}

//! How a newer configuration changes an older one.

/// Replaces the value if the newer configuration sets it.
pub(super) fn overwrite<T>(value: &mut Option<T>, newer: Option<T>) {
    if newer.is_some() {
        *value = newer;
    }
}

//! The framework against the node's own storage.

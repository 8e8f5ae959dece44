//! The framework itself against an in-memory storage: `Cocaine` calls through the generated trait, `Dynamic` by name.

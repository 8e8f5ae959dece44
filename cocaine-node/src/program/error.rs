//! What ends the program.

/// Why the program ends before it is told to.
pub(crate) type ProgramError = Box<dyn std::error::Error + Send + Sync>;

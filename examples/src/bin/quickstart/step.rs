//! The output and the checks of the tour.

use std::{error::Error, fmt::Display};

/// The result of a step.
pub(crate) type Step = Result<(), Box<dyn Error + Send + Sync>>;

/// Prints the heading of a step.
pub(crate) fn title(number: u32, text: &str) {
    println!("\n{number}. {text}");
}

/// Prints a line below the heading.
pub(crate) fn show(text: impl Display) {
    println!("   {text}");
}

/// Fails the tour unless `holds`.
pub(crate) fn check(holds: bool, what: &str) -> Step {
    if holds { Ok(()) } else { Err(format!("this does not hold: {what}").into()) }
}

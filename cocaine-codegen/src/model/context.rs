//! What merging a service needs to know, to name and to report.

use crate::{
    error::{Problem, Warning},
    naming::NameScope,
};

/// What was found on the way.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Warning>,
}

impl Diagnostics {
    pub(super) fn warn(&mut self, service: &str, method: Option<&str>, message: impl Into<String>) {
        let (service, method) = (service.to_owned(), method.map(str::to_owned));
        self.warnings.push(Warning { service, method, message: message.into() });
    }
}

/// What merging one method needs to know and to name.
pub(super) struct MergeContext<'a> {
    pub(super) service: &'a str,
    pub(super) types: NameScope,
    pub(super) findings: &'a mut Diagnostics,
}

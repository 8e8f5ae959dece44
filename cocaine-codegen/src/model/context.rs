//! The state of merging a service: names in use, problems and warnings.

use crate::{
    error::{Problem, Warning},
    naming::NameScope,
};

/// The problems and warnings of all services.
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

/// The state of merging the methods of a service.
pub(super) struct MergeContext<'a> {
    pub(super) service: &'a str,
    pub(super) types: NameScope,
    pub(super) diagnostics: &'a mut Diagnostics,
}

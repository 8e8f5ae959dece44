//! The errors that events declare.

use std::collections::BTreeMap;

use cocaine::schema::{AppSchema, ErrorVariant, EventSchema};

use super::{
    events::{AppComparer, EventPair},
    rules::AppRule,
};

impl<'s> AppComparer<'s> {
    /// Compares the errors of an event. One under another name with the same code is taken for the same.
    pub(super) fn compare_errors(&mut self, event: EventPair<'s>) {
        if let (Some(old), Some(new)) = (&event.old.error, &event.new.error)
            && old != new
        {
            let names = [old, new].map(|name| Some(name.clone()));
            self.report(Some(event.name), "errors", AppRule::ErrorsRenamed, names);
        }
        let (old, new) = (declared(self.old, event.old), declared(self.new, event.new));
        let (old_names, new_names) = (by_name(old), by_name(new));
        let gone = old.iter().filter(|error| !new_names.contains_key(error.name.as_str()));
        let gone = gone.map(|error| (code(error), error));
        let mut gone: BTreeMap<_, _> = gone.collect();
        for error in old {
            if let Some(partner) = new_names.get(error.name.as_str())
                && code(partner) != code(error)
            {
                let codes = [error, *partner].map(|error| Some(code_text(error)));
                self.report(Some(event.name), &path(error), AppRule::ErrorCode, codes);
            }
        }
        for error in new.iter().filter(|error| !old_names.contains_key(error.name.as_str())) {
            if let Some(partner) = gone.remove(&code(error)) {
                let names = [partner, error].map(|error| Some(format!("`{}`", error.name)));
                self.report(Some(event.name), &path(partner), AppRule::ErrorRenamed, names);
            } else {
                let codes = [None, Some(code_text(error))];
                self.report(Some(event.name), &path(error), AppRule::ErrorAdded, codes);
            }
        }
        for error in gone.into_values() {
            let codes = [Some(code_text(error)), None];
            self.report(Some(event.name), &path(error), AppRule::ErrorRemoved, codes);
        }
    }
}

fn declared<'s>(schema: &'s AppSchema, event: &EventSchema) -> &'s [ErrorVariant] {
    let errors = event.error.as_ref().and_then(|name| schema.errors.get(name));
    errors.map_or(&[], |errors| &errors.variants)
}

fn by_name(errors: &[ErrorVariant]) -> BTreeMap<&str, &ErrorVariant> {
    errors.iter().map(|error| (error.name.as_str(), error)).collect()
}

fn code(error: &ErrorVariant) -> (i64, i64) {
    (error.category, error.code)
}

fn path(error: &ErrorVariant) -> String {
    format!("errors.{}", error.name)
}

fn code_text(error: &ErrorVariant) -> String {
    format!("[{}, {}]", error.category, error.code)
}

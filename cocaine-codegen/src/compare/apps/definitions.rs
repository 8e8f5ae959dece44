//! What is different about definitions but is not seen in values: documentation and names.

use cocaine::schema::{AppSchema, Content, Definition, ErrorDefinition, Field, Shape};

use super::{events::AppComparer, rules::AppRule};

impl AppComparer<'_> {
    /// Compares the documentation of types and errors of one name, and the names of types that stand for each other.
    pub(super) fn compare_definitions(&mut self, old: &AppSchema, new: &AppSchema) {
        for (name, definition) in &old.types {
            if new.types.get(name).is_some_and(|new| docs(definition) != docs(new)) {
                self.report(None, &format!("types.{name}"), AppRule::DocsChanged, [None, None]);
            }
        }
        for (name, errors) in &old.errors {
            if new.errors.get(name).is_some_and(|new| error_docs(errors) != error_docs(new)) {
                self.report(None, &format!("errors.{name}"), AppRule::DocsChanged, [None, None]);
            }
        }
        for (old, new) in std::mem::take(&mut self.renamed) {
            let names = [short_name(old), short_name(new)];
            if names[0] != names[1] {
                self.report(None, &format!("types.{old}"), AppRule::TypeRenamed, names.map(Some));
            }
        }
    }
}

/// Returns the doc comments of a type, with the names that they belong to, in the order of the names.
fn docs(definition: &Definition) -> Vec<[&str; 3]> {
    let mut docs = vec![["", "", definition.doc.as_str()]];
    let add_fields = |docs: &mut Vec<_>, of, fields| docs.extend(field_docs(of, fields));
    match &definition.shape {
        Shape::Struct(definition) => add_fields(&mut docs, "", &definition.fields),
        Shape::Enum(definition) => {
            for variant in &definition.variants {
                docs.push([variant.name.as_str(), "", variant.doc.as_str()]);
                if let Content::Struct(fields) = &variant.content {
                    add_fields(&mut docs, &variant.name, fields);
                }
            }
        }
        _ => {}
    }
    docs.retain(|[.., doc]| !doc.is_empty());
    docs.sort_unstable();
    docs
}

fn field_docs<'s>(of: &'s str, fields: &'s [Field]) -> impl Iterator<Item = [&'s str; 3]> {
    fields.iter().map(move |field| [of, field.name.as_str(), field.doc.as_str()])
}

fn error_docs(errors: &ErrorDefinition) -> Vec<[&str; 2]> {
    let variants = errors.variants.iter().map(|variant| [variant.name.as_str(), variant.doc.as_str()]);
    let mut docs: Vec<_> = [["", errors.doc.as_str()]].into_iter().chain(variants).collect();
    docs.retain(|[_, doc]| !doc.is_empty());
    docs.sort_unstable();
    docs
}

/// Returns the name of a type without the modules: `Page<User>` of `shop::Page<shop::users::User>`.
fn short_name(name: &str) -> String {
    let mut short = String::new();
    for (index, part) in name.split("::").enumerate() {
        if index > 0 {
            let end = short.rfind(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let end = end.map_or(0, |at| at + short[at..].chars().next().map_or(0, char::len_utf8));
            short.truncate(end);
        }
        short.push_str(part);
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_no_part_of_short_names() {
        for (name, expected) in [
            ("Link", "Link"),
            ("shop::users::User", "User"),
            ("shop::Page<shop::users::User, text>", "Page<User, text>"),
            ("a::ж::é<b::c>#2", "é<c>#2"),
            ("::", ""),
        ] {
            assert_eq!(short_name(name), expected);
        }
    }
}

//! Attributes, each of which stands once.

use syn::{Attribute, Expr, ExprLit, Lit, Meta, spanned::Spanned as _};

use super::CatalogueReader;

impl CatalogueReader<'_> {
    /// Reports attributes, other than docs, that stand among `attributes` twice.
    pub(super) fn reject_repeated(&mut self, attributes: &[Attribute]) {
        for (index, attribute) in attributes.iter().enumerate() {
            let is_same = |other: &Attribute| other.path() == attribute.path();
            if doc_lines(attribute).is_none() && attributes[..index].iter().any(is_same) {
                let name = attribute.path().segments.last().map(|segment| segment.ident.to_string());
                let message = format!("`#[{}]` stands here twice", name.unwrap_or_default());
                self.report(attribute.span(), message);
            }
        }
    }

    /// Returns the docs; an attribute that is none, and that `known` does not know, is reported.
    pub(super) fn docs(
        &mut self,
        attributes: &[Attribute],
        what: &str,
        mut known: impl FnMut(&Attribute) -> bool,
    ) -> Vec<String> {
        self.reject_repeated(attributes);
        let mut docs = Vec::new();
        for attribute in attributes {
            if let Some(lines) = doc_lines(attribute) {
                docs.extend(lines);
            } else if !known(attribute) {
                self.report(attribute.span(), what);
            }
        }
        docs
    }
}

/// Returns whether the attribute is `#[name]`.
pub(super) fn is_flag(attribute: &Attribute, name: &str) -> bool {
    matches!(&attribute.meta, Meta::Path(path) if path.is_ident(name))
}

/// Returns the lines of `/// text`, without the space that they begin with.
fn doc_lines(attribute: &Attribute) -> Option<Vec<String>> {
    let text = string_value(attribute, "doc")?;
    let lines = text.split('\n').map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned());
    Some(lines.collect())
}

/// Returns the text of `#[name = "text"]`.
pub(super) fn string_value(attribute: &Attribute, name: &str) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else {
        return None;
    };
    match &meta.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if meta.path.is_ident(name) => Some(text.value()),
        _ => None,
    }
}

//! The attributes of serde, and `#[schema(…)]`, as far as they decide what travels.

use proc_macro2::TokenStream;
use syn::{Attribute, Expr, LitStr, Path, Token, Type, meta::ParseNestedMeta, parse::ParseStream};

use super::case::RenameRule;
use crate::{diagnostics::Diagnostics, docs::doc};

/// What the attributes of a type, a variant or a field say. Each has some of them; serde reports those that it cannot have.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute without a value")]
pub(super) struct SerdeAttributes {
    pub(super) doc: String,
    pub(super) rename: Option<String>,
    pub(super) rename_all: RenameRule,
    pub(super) rename_all_fields: RenameRule,
    pub(super) aliases: Vec<String>,
    pub(super) tag: Option<String>,
    pub(super) content: Option<String>,
    pub(super) untagged: Option<Path>,
    pub(super) transparent: bool,
    pub(super) default: bool,
    pub(super) deny_unknown_fields: bool,
    pub(super) other: bool,
    pub(super) flatten: Option<Path>,
    pub(super) skip_serializing: Option<Path>,
    pub(super) skip_deserializing: Option<Path>,
    pub(super) skip_serializing_if: Option<Path>,
    pub(super) from: Option<(Path, Type)>,
    pub(super) into: Option<(Path, Type)>,
    pub(super) remote: Option<Path>,
    /// Whether functions of the user's write or read it. Its type is unknown then, unless `#[schema(as = Type)]` names it.
    pub(super) with: bool,
    pub(super) is_opaque: bool,
    pub(super) as_type: Option<Type>,
}

impl SerdeAttributes {
    /// Reads `attributes`, and reports what has no schema.
    pub(super) fn read(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let mut this = Self { doc: doc(attributes), ..Self::default() };
        for attribute in attributes {
            let result = if attribute.path().is_ident("serde") {
                attribute.parse_nested_meta(|meta| this.read_serde(&meta))
            } else if attribute.path().is_ident("schema") {
                attribute.parse_nested_meta(|meta| this.read_schema(&meta))
            } else {
                Ok(())
            };
            if let Err(error) = result {
                diagnostics.push(error);
            }
        }
        this
    }

    /// Returns whether nothing of it travels.
    pub(super) fn is_skipped(&self) -> bool {
        self.skip_serializing.is_some() && self.skip_deserializing.is_some()
    }

    fn read_serde(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        let path = || Some(meta.path.clone());
        match key.as_str() {
            "rename" => self.rename = one_name(meta)?.map(|name| name.value()),
            "rename_all" => {
                self.rename_all =
                    one_name(meta)?.as_ref().map_or_else(RenameRule::default, RenameRule::named);
            }
            "rename_all_fields" => {
                self.rename_all_fields =
                    one_name(meta)?.as_ref().map_or_else(RenameRule::default, RenameRule::named);
            }
            "alias" => self.aliases.push(text(meta)?.value()),
            "tag" => self.tag = Some(text(meta)?.value()),
            "content" => self.content = Some(text(meta)?.value()),
            "untagged" => self.untagged = path(),
            "transparent" => self.transparent = true,
            "default" => {
                self.default = true;
                skip_value(meta.input)?;
            }
            "deny_unknown_fields" => self.deny_unknown_fields = true,
            "other" => self.other = true,
            "flatten" => self.flatten = path(),
            "skip" => (self.skip_serializing, self.skip_deserializing) = (path(), path()),
            "skip_serializing" => self.skip_serializing = path(),
            "skip_deserializing" => self.skip_deserializing = path(),
            "skip_serializing_if" => {
                self.skip_serializing_if = path();
                skip_value(meta.input)?;
            }
            "with" | "serialize_with" | "deserialize_with" => {
                (self.with, self.is_opaque) = (true, true);
                skip_value(meta.input)?;
            }
            "from" | "try_from" => self.from = Some((meta.path.clone(), text(meta)?.parse()?)),
            "into" => self.into = Some((meta.path.clone(), text(meta)?.parse()?)),
            "remote" => {
                self.remote = path();
                skip_value(meta.input)?;
            }
            _ => skip_value(meta.input)?,
        }
        Ok(())
    }

    fn read_schema(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        if meta.path.is_ident("opaque") {
            self.is_opaque = true;
        } else if meta.path.is_ident("as") {
            self.as_type = Some(meta.value()?.parse()?);
        } else {
            return Err(meta.error("`schema` takes `as = Type`, the type that it travels as, or `opaque`"));
        }
        Ok(())
    }
}

fn text(meta: &ParseNestedMeta<'_>) -> syn::Result<LitStr> {
    meta.value()?.parse()
}

/// Reads a name, or `(serialize = "name", deserialize = "name")` with one name.
fn one_name(meta: &ParseNestedMeta<'_>) -> syn::Result<Option<LitStr>> {
    if meta.input.peek(Token![=]) {
        return text(meta).map(Some);
    }
    let mut names: Vec<LitStr> = Vec::new();
    meta.parse_nested_meta(|direction| {
        names.push(text(&direction)?);
        Ok(())
    })?;
    match &names[..] {
        [first, second] if first == second => Ok(Some(first.clone())),
        _ => Err(meta.error(
            "a schema has one name for both directions: name it so in both, and read another one with `alias`",
        )),
    }
}

/// Skips `= value` or `(…)`.
fn skip_value(input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        input.parse::<Expr>()?;
    } else if input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in input);
        content.parse::<TokenStream>()?;
    }
    Ok(())
}

//! The items of types.

use cocaine::schema::{Content, EnumDefinition, Field, Shape, StructDefinition, Tagging, Type, Variant};
use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::{
    TypeContext,
    attributes::{container_attribute, name_parts, presence_parts, schema_attribute, serde_attribute},
};
use crate::{
    app_types::{
        AppType, AppTypes, FieldForm,
        walk::{for_each_part, for_each_type},
    },
    emit::{lints, schema_docs},
    naming::{self, NameScope, ident},
};

/// Returns the items of all types.
pub(crate) fn type_items(types: &AppTypes) -> TokenStream {
    let items = types.items().map(|(name, rust_name, app_type)| {
        let context = TypeContext { types, container: Some(name), is_exact: false };
        ItemContext { context, name, rust_name, app_type }.item()
    });
    items.collect()
}

/// The type of which an item is emitted.
#[derive(Clone, Copy)]
struct ItemContext<'t> {
    context: TypeContext<'t>,
    name: &'t str,
    rust_name: &'t str,
    app_type: &'t AppType,
}

impl ItemContext<'_> {
    fn item(self) -> TokenStream {
        let definition = &self.app_type.definition;
        let (docs, derive) =
            (schema_docs::or_line(&definition.doc, &format!("`{}`.", self.rust_name)), self.derive());
        let (doc_lints, lints, name) = (schema_docs::allow(self.docs()), self.lints(), ident(self.rust_name));
        let (serde, item) = match &definition.shape {
            Shape::Struct(definition) => self.structure(&name, definition),
            Shape::Enum(definition) => self.enumeration(&name, definition),
            Shape::Newtype(of) => (external(), self.tuple_struct(&name, std::slice::from_ref(of))),
            Shape::TupleStruct(types) if types.len() == 1 => {
                (external(), self.single_tuple(&name, &types[0]))
            }
            Shape::TupleStruct(types) => (external(), self.tuple_struct(&name, types)),
            _ => (external(), quote!(pub struct #name;)),
        };
        quote!(#docs #derive #serde #doc_lints #lints #item)
    }

    fn derive(self) -> TokenStream {
        let traits = self.app_type.traits;
        let default = traits.has_default.then(|| quote!(Default,));
        let key = traits.is_in_key.then(|| quote!(Eq, Hash, PartialOrd, Ord,));
        quote!(#[derive(Clone, Debug, #default PartialEq, #key Serialize, Deserialize, Schema)])
    }

    fn structure(self, name: &Ident, definition: &StructDefinition) -> (TokenStream, TokenStream) {
        let fields = self.fields(&definition.fields, definition.deny_unknown_fields, &quote!(pub));
        let serde = container_attribute(&Tagging::External, definition.deny_unknown_fields);
        (serde, quote!(pub struct #name { #(#fields),* }))
    }

    fn tuple_struct(self, name: &Ident, types: &[Type]) -> TokenStream {
        let fields = types.iter().enumerate().map(|(index, ty)| {
            let docs = schema_docs::or_line("", &tuple_doc(index, types.len()));
            let (schema, ty) = self.positional(ty);
            quote!(#docs #schema pub #ty)
        });
        quote!(pub struct #name(#(#fields),*);)
    }

    /// Returns a struct that is an array of one. Without a second field, which does not travel, it would be its only field.
    fn single_tuple(self, name: &Ident, of: &Type) -> TokenStream {
        let (schema, of) = self.positional(of);
        quote! {
            pub struct #name(
                /// The value.
                #schema
                pub #of,
                /// What makes it an array.
                #[serde(skip)]
                pub ::core::marker::PhantomData<()>,
            );
        }
    }

    /// Returns the attribute and the type of a field without a name.
    fn positional(self, ty: &Type) -> (Option<TokenStream>, TokenStream) {
        (schema_attribute(self.context, ty, FieldForm::Plain), self.context.owned(ty))
    }

    fn fields(
        self,
        fields: &[Field],
        deny_unknown_fields: bool,
        visibility: &TokenStream,
    ) -> Vec<TokenStream> {
        let wanted: Vec<_> =
            fields.iter().map(|field| naming::message(naming::snake(&field.name, "field"))).collect();
        let names = NameScope::claim_all(&wanted, "_");
        let emit = |(field, name): (&Field, &String)| {
            let form = FieldForm::of(
                field,
                deny_unknown_fields,
                self.context.types.has_default(self.name, &field.ty),
            );
            let docs = schema_docs::or_line(&field.doc, &format!("`{name}`."));
            let mut parts = name_parts(name, &field.name, &field.aliases);
            if field.flatten {
                parts.clear();
            }
            parts.extend(presence_parts(field, form));
            let (serde, schema) = (serde_attribute(&parts), schema_attribute(self.context, &field.ty, form));
            let (name, owned) = (ident(name), self.context.owned(&field.ty));
            let ty = if form == FieldForm::Optional { quote!(Option<#owned>) } else { owned };
            quote!(#docs #serde #schema #visibility #name: #ty)
        };
        fields.iter().zip(&names).map(emit).collect()
    }

    fn enumeration(self, name: &Ident, definition: &EnumDefinition) -> (TokenStream, TokenStream) {
        let wanted: Vec<_> =
            definition.variants.iter().map(|variant| naming::camel(&variant.name, "Variant")).collect();
        let names = NameScope::claim_all(&wanted, "");
        let variants = definition.variants.iter().zip(&names);
        let variants = variants.map(|(variant, name)| self.variant(variant, name, &definition.tagging));
        let item = quote!(pub enum #name { #(#variants),* });
        (container_attribute(&definition.tagging, false), item)
    }

    fn variant(self, variant: &Variant, name: &str, tagging: &Tagging) -> TokenStream {
        let docs = schema_docs::or_line(&variant.doc, &format!("`{name}`."));
        let name = ident(name);
        let mut parts = if *tagging == Tagging::Untagged {
            Vec::new()
        } else {
            name_parts(&name.to_string(), &variant.name, &variant.aliases)
        };
        parts.extend(variant.other.then(|| quote!(other)));
        let serde = serde_attribute(&parts);
        let tuple = |types: &[Type]| {
            let fields = types.iter().map(|ty| {
                let (schema, ty) = self.positional(ty);
                quote!(#schema #ty)
            });
            quote!((#(#fields),*))
        };
        let content = match &variant.content {
            Content::Unit => quote!(),
            Content::Newtype(Type::Named(of)) if self.app_type.has_boxed_variants => {
                let of = self.context.boxed(of);
                quote!((#of))
            }
            Content::Newtype(of) => tuple(std::slice::from_ref(of)),
            // A variant of one field would have that field as its content.
            Content::Tuple(types) if types.len() == 1 => tuple(&[Type::Tuple(types.clone())]),
            Content::Tuple(types) => tuple(types),
            Content::Struct(fields) => {
                let fields = self.fields(fields, false, &quote!());
                quote!({ #(#fields),* })
            }
        };
        quote!(#docs #serde #name #content)
    }

    /// Returns all docs in the definition.
    fn docs(&self) -> Vec<&str> {
        let definition = &self.app_type.definition;
        let mut docs = vec![definition.doc.as_str()];
        let fields: Vec<&Field> = match &definition.shape {
            Shape::Struct(definition) => definition.fields.iter().collect(),
            Shape::Enum(definition) => {
                docs.extend(definition.variants.iter().map(|variant| variant.doc.as_str()));
                let contents = definition.variants.iter().map(|variant| &variant.content);
                let fields = contents.filter_map(|content| match content {
                    Content::Struct(fields) => Some(fields),
                    _ => None,
                });
                fields.flatten().collect()
            }
            _ => Vec::new(),
        };
        docs.extend(fields.into_iter().map(|field| field.doc.as_str()));
        docs
    }

    /// Returns `#[allow(…)]` for lints about names and sizes, which the schema decides.
    fn lints(self) -> Option<TokenStream> {
        let mut found = Vec::new();
        match &self.app_type.definition.shape {
            Shape::Struct(definition) => {
                let fields = &definition.fields;
                let bools = fields.iter().filter(|field| field.ty == Type::Bool).count();
                found.extend((bools > 3).then_some("struct_excessive_bools"));
                let names = fields.iter().map(|field| field.name.as_str());
                found.extend(lints::are_repetitive(self.rust_name, names).then_some("struct_field_names"));
            }
            Shape::Enum(definition) => {
                let names = definition.variants.iter().map(|variant| variant.name.as_str());
                found.extend(lints::are_repetitive(self.rust_name, names).then_some("enum_variant_names"));
                found.extend(self.app_type.has_large_variants.then_some("large_enum_variant"));
                let acronyms = definition.variants.iter().map(|variant| naming::camel(&variant.name, ""));
                found.extend(acronyms.filter_map(|name| lints::acronym_lint(&name)));
            }
            _ => {}
        }
        let mut types = TypeCount::default();
        for_each_type(&self.app_type.definition, &mut |ty| types.add(ty));
        found.extend(types.lints());
        found.extend(lints::acronym_lint(self.rust_name));
        lints::allow(found)
    }
}

/// What clippy has to say of types within a definition.
#[derive(Default)]
struct TypeCount {
    largest: usize,
    has_option_of_option: bool,
    has_map_of_units: bool,
}

impl TypeCount {
    fn add(&mut self, ty: &Type) {
        let mut open = vec![ty];
        let mut size = 0;
        while let Some(ty) = open.pop() {
            size += 1;
            self.has_option_of_option |= matches!(ty, Type::Option(of) if matches!(**of, Type::Option(_)));
            self.has_map_of_units |= matches!(ty, Type::Map(_, value) if is_empty(value));
            for_each_part(ty, &mut |of, _| open.push(of));
        }
        self.largest = self.largest.max(size);
    }

    fn lints(&self) -> impl Iterator<Item = &'static str> {
        let lints = [
            (self.has_option_of_option, "option_option"),
            (self.has_map_of_units, "zero_sized_map_values"),
            (self.largest > 4, "type_complexity"),
        ];
        lints.into_iter().filter_map(|(is_violated, lint)| is_violated.then_some(lint))
    }
}

/// Returns whether a value of `ty` may have no size.
fn is_empty(ty: &Type) -> bool {
    match ty {
        Type::Unit | Type::Named(_) | Type::Array(_, 0) => true,
        Type::Array(of, _) => is_empty(of),
        Type::Tuple(types) => types.iter().all(is_empty),
        _ => false,
    }
}

fn external() -> TokenStream {
    container_attribute(&Tagging::External, false)
}

fn tuple_doc(index: usize, len: usize) -> String {
    if len == 1 { "The value.".to_owned() } else { format!("The value at position {index}.") }
}

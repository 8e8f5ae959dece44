//! Arguments: the one value that a sender encodes, and the locals that a receiver decodes.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::types::{owned_type, written_type};
use crate::{
    catalogue::{Argument, types::Type},
    model::Arguments,
    naming::ident,
};

/// Returns the parameters as the one value that is encoded.
pub(super) fn encoded_value(arguments: &Arguments) -> TokenStream {
    match arguments {
        Arguments::Known(arguments) => {
            let names = arguments.iter().map(|argument| ident(&argument.name));
            quote!((#(#names,)*))
        }
        Arguments::Unknown => quote!(args),
    }
}

/// Arguments on the side that receives them.
pub(super) struct DecodedArguments {
    /// The statement that decodes them into locals.
    pub(super) statement: TokenStream,
    /// The expressions that pass the locals on.
    pub(super) values: Vec<TokenStream>,
}

/// Decodes the local `args` into values that are passed by reference; `locals` are names that are in use.
pub(super) fn decode_borrowed(arguments: &Arguments, locals: &[&str]) -> DecodedArguments {
    decode(arguments, locals, |argument, name| borrowed_form(&argument.ty, argument.is_lossy, name))
}

/// Decodes the local `args` into values that the receiver keeps; `locals` are names that are in use.
pub(super) fn decode_owned(arguments: &Arguments, locals: &[&str]) -> DecodedArguments {
    decode(arguments, locals, |argument, name| match (&argument.ty, argument.is_lossy) {
        (Type::Option(_), true) => (quote!(Option<LossyStr<'_>>), quote!(#name.as_deref().map(String::from))),
        (_, true) => (quote!(LossyStr<'_>), quote!(#name.to_string())),
        (ty, false) => (owned_type(ty), quote!(#name)),
    })
}

/// Decodes the local `args`; `form` returns the type that is decoded for an argument, and the expression that passes
/// its local on.
fn decode(
    arguments: &Arguments,
    locals: &[&str],
    form: impl Fn(&Argument, &Ident) -> (TokenStream, TokenStream),
) -> DecodedArguments {
    let Arguments::Known(arguments) = arguments else {
        let statement = quote!(let list = args.decode::<Args>()?;);
        return DecodedArguments { statement, values: vec![quote!(list)] };
    };
    if arguments.is_empty() {
        return DecodedArguments { statement: quote!(args.decode::<()>()?;), values: Vec::new() };
    }
    let names: Vec<_> = arguments.iter().map(|argument| local_name(&argument.name, locals)).collect();
    let forms = arguments.iter().zip(&names).map(|(argument, name)| form(argument, name));
    let (types, values): (Vec<_>, Vec<_>) = forms.unzip();
    let statement = quote!(let (#(#names,)*) = args.decode::<(#(#types,)*)>()?;);
    DecodedArguments { statement, values }
}

/// Returns the type that is decoded for an argument of type `ty`, and the expression that lends it to the method.
fn borrowed_form(ty: &Type, is_lossy: bool, name: &Ident) -> (TokenStream, TokenStream) {
    let optional = matches!(ty, Type::Option(_));
    let inner = if let Type::Option(inner) = ty { inner } else { ty };
    let decoded = match inner {
        Type::Str if is_lossy => quote!(LossyStr<'_>),
        Type::Ref(inner) => written_type(inner),
        Type::Slice(inner) => {
            let inner = written_type(inner);
            quote!(Vec<#inner>)
        }
        _ => return (written_type(ty), quote!(#name)),
    };
    match (optional, inner) {
        (false, _) => (decoded, quote!(&#name)),
        (true, Type::Ref(_)) => (quote!(Option<#decoded>), quote!(#name.as_ref())),
        (true, _) => (quote!(Option<#decoded>), quote!(#name.as_deref())),
    }
}

/// Returns the name of an argument's local, with `_` after it where it would hide one of `locals`.
pub(super) fn local_name(name: &str, locals: &[&str]) -> Ident {
    if locals.contains(&name) { ident(&format!("{name}_")) } else { ident(name) }
}

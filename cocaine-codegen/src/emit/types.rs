//! Types as they are written, as a server decodes them, and as a receiver owns them.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::{
    catalogue::Argument,
    model::{Arguments, Half, Payload},
    naming::ident,
    types::Type,
};

/// Returns `ty` as the catalogue writes it.
pub(super) fn written(ty: &Type) -> TokenStream {
    match ty {
        Type::Str => quote!(&str),
        Type::Slice(inner) => {
            let inner = written(inner);
            quote!(&[#inner])
        }
        Type::Ref(inner) => {
            let inner = written(inner);
            quote!(&#inner)
        }
        other => composed(other, written),
    }
}

/// Returns the type in which a receiver keeps `ty`.
fn owned(ty: &Type) -> TokenStream {
    match ty {
        Type::Str => quote!(String),
        Type::Slice(inner) => {
            let inner = owned(inner);
            quote!(Vec<#inner>)
        }
        Type::Ref(inner) => owned(inner),
        other => composed(other, owned),
    }
}

/// Returns a type without a reference at its top; `part` writes what is inside.
fn composed(ty: &Type, part: fn(&Type) -> TokenStream) -> TokenStream {
    match ty {
        Type::Option(inner) => {
            let inner = part(inner);
            quote!(Option<#inner>)
        }
        Type::Vec(inner) => {
            let inner = part(inner);
            quote!(Vec<#inner>)
        }
        Type::Map(key, value) => {
            let (key, value) = (part(key), part(value));
            quote!(BTreeMap<#key, #value>)
        }
        Type::Tuple(items) => tuple(items.iter().map(part)),
        Type::Plain(name) | Type::Runtime(name) => {
            let name = ident(name);
            quote!(#name)
        }
        // It was tokens before it was text.
        Type::Path(path) => path.parse().unwrap_or_default(),
        Type::Str | Type::Slice(_) | Type::Ref(_) => part(ty),
    }
}

/// Returns `()`, `(a,)`, `(a, b)`, …
pub(super) fn tuple(items: impl Iterator<Item = TokenStream>) -> TokenStream {
    let items: Vec<_> = items.collect();
    match &items[..] {
        [item] => quote!((#item,)),
        items => quote!((#(#items),*)),
    }
}

/// Returns what arrives as `payload`.
pub(super) fn received(payload: &Payload) -> TokenStream {
    match payload {
        Payload::Known(ty) => written(ty),
        Payload::Unknown => quote!(Value),
    }
}

/// Returns what is sent as `payload`: a whole argument list where nobody describes it.
fn sent(payload: &Payload) -> TokenStream {
    match payload {
        Payload::Known(ty) => written(ty),
        Payload::Unknown => quote!(Args),
    }
}

/// Returns the type of the half that sends.
pub(super) fn sender(half: &Half) -> TokenStream {
    match half {
        Half::End => quote!(End),
        Half::Root => quote!(Tx),
        Half::Stream(payload) => {
            let payload = sent(payload);
            quote!(Sender<#payload>)
        }
        Half::Reply(payload) => {
            let payload = sent(payload);
            quote!(Responder<#payload>)
        }
        Half::States(states) => {
            states.first().map(|state| ident(&state.sender)).map(|name| quote!(#name)).unwrap_or_default()
        }
    }
}

/// Returns the type of the half that receives.
pub(super) fn receiver(half: &Half) -> TokenStream {
    match half {
        Half::End => quote!(End),
        Half::Root => quote!(Rx),
        Half::Stream(payload) => {
            let payload = received(payload);
            quote!(Receiver<#payload>)
        }
        Half::Reply(payload) => {
            let payload = received(payload);
            quote!(Reply<#payload>)
        }
        Half::States(states) => {
            states.first().map(|state| ident(&state.receiver)).map(|name| quote!(#name)).unwrap_or_default()
        }
    }
}

/// Returns what a caller holds of a session.
pub(super) fn exchange(tx: &Half, rx: &Half) -> TokenStream {
    if let (Half::Stream(out), Half::Stream(into)) = (tx, rx) {
        let (into, out) = (received(into), sent(out));
        return quote!(Duplex<#into, #out>);
    }
    let (tx, rx) = (sender(tx), receiver(rx));
    quote!(Exchange<#tx, #rx>)
}

/// Returns the parameters behind `self`, each with a comma before it.
pub(super) fn parameters(arguments: &Arguments) -> TokenStream {
    let Arguments::Known(arguments) = arguments else {
        return quote!(, args: Args);
    };
    arguments
        .iter()
        .map(|Argument { name, ty, .. }| {
            let (name, ty) = (ident(name), written(ty));
            quote!(, #name: #ty)
        })
        .collect()
}

/// Returns the parameters as the one value that is encoded.
pub(super) fn passed(arguments: &Arguments) -> TokenStream {
    let Arguments::Known(arguments) = arguments else {
        return quote!(args);
    };
    tuple(arguments.iter().map(|argument| {
        let name = ident(&argument.name);
        quote!(#name)
    }))
}

/// Arguments on the side that receives them.
pub(super) struct Decoded {
    /// The statement that decodes them into locals.
    pub(super) statement: TokenStream,
    /// The locals, as they are passed on.
    pub(super) values: Vec<TokenStream>,
}

/// Decodes from the local `args` what is then passed by reference; `locals` are names that are in use.
pub(super) fn borrowed(arguments: &Arguments, locals: &[&str]) -> Decoded {
    decode(arguments, locals, |Argument { ty, lossy, .. }, name| lent(ty, *lossy, name))
}

/// Decodes from the local `args` what is then kept.
pub(super) fn kept(arguments: &Arguments, locals: &[&str]) -> Decoded {
    decode(arguments, locals, |Argument { ty, lossy, .. }, name| match (ty, lossy) {
        (Type::Option(_), true) => (quote!(Option<Lossy<'_>>), quote!(#name.as_deref().map(String::from))),
        (_, true) => (quote!(Lossy<'_>), quote!(String::from(&*#name))),
        (ty, false) => (owned(ty), quote!(#name)),
    })
}

fn decode(
    arguments: &Arguments,
    locals: &[&str],
    form: impl Fn(&Argument, &Ident) -> (TokenStream, TokenStream),
) -> Decoded {
    let Arguments::Known(arguments) = arguments else {
        return Decoded { statement: quote!(let list = args.decode::<Args>()?;), values: vec![quote!(list)] };
    };
    if arguments.is_empty() {
        return Decoded { statement: quote!(args.decode::<()>()?;), values: Vec::new() };
    }
    let names: Vec<_> = arguments.iter().map(|argument| local(&argument.name, locals)).collect();
    let forms: Vec<_> = arguments.iter().zip(&names).map(|(argument, name)| form(argument, name)).collect();
    let pattern = tuple(names.iter().map(|name| quote!(#name)));
    let types = tuple(forms.iter().map(|(ty, _)| ty.clone()));
    Decoded {
        statement: quote!(let #pattern = args.decode::<#types>()?;),
        values: forms.into_iter().map(|(_, value)| value).collect(),
    }
}

/// Returns the type that is decoded for an argument `ty`, and how it is lent to the method.
fn lent(ty: &Type, lossy: bool, name: &Ident) -> (TokenStream, TokenStream) {
    match ty {
        Type::Option(inner) => match &**inner {
            Type::Str if lossy => (quote!(Option<Lossy<'_>>), quote!(#name.as_deref())),
            Type::Ref(inner) => {
                let inner = written(inner);
                (quote!(Option<#inner>), quote!(#name.as_ref()))
            }
            Type::Slice(inner) => {
                let inner = written(inner);
                (quote!(Option<Vec<#inner>>), quote!(#name.as_deref()))
            }
            _ => (written(ty), quote!(#name)),
        },
        Type::Str if lossy => (quote!(Lossy<'_>), quote!(&#name)),
        Type::Ref(inner) => (written(inner), quote!(&#name)),
        Type::Slice(inner) => {
            let inner = written(inner);
            (quote!(Vec<#inner>), quote!(&#name))
        }
        ty => (written(ty), quote!(#name)),
    }
}

/// Returns the name of an argument, with `_` behind it where it would hide one of `locals`.
pub(super) fn local(name: &str, locals: &[&str]) -> Ident {
    if locals.contains(&name) { ident(&format!("{name}_")) } else { ident(name) }
}

/// Returns the types of the fields in which a receiver keeps the arguments.
pub(super) fn fields(arguments: &Arguments) -> Vec<TokenStream> {
    match arguments {
        Arguments::Known(arguments) => arguments.iter().map(|argument| owned(&argument.ty)).collect(),
        Arguments::Unknown => vec![quote!(Args)],
    }
}

//! Types: as the catalogue writes them, and as a receiver owns them.

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    catalogue::{Argument, ReplyWrapper, types::Type},
    model::{Arguments, Payload, SideModel},
    naming::ident,
};

/// Returns `ty` as the catalogue writes it.
pub(super) fn written_type(ty: &Type) -> TokenStream {
    match ty {
        Type::Str => quote!(&str),
        Type::Slice(inner) => {
            let inner = written_type(inner);
            quote!(&[#inner])
        }
        Type::Ref(inner) => {
            let inner = written_type(inner);
            quote!(&#inner)
        }
        other => composed_type(other, written_type),
    }
}

/// Returns the type in which a receiver keeps a value of `ty`.
pub(super) fn owned_type(ty: &Type) -> TokenStream {
    match ty {
        Type::Str => quote!(String),
        Type::Slice(inner) => {
            let inner = owned_type(inner);
            quote!(Vec<#inner>)
        }
        Type::Ref(inner) => owned_type(inner),
        other => composed_type(other, owned_type),
    }
}

/// Returns a type that is no reference itself; `nested` emits the types inside it.
fn composed_type(ty: &Type, nested: fn(&Type) -> TokenStream) -> TokenStream {
    match ty {
        Type::Option(inner) => {
            let inner = nested(inner);
            quote!(Option<#inner>)
        }
        Type::Vec(inner) => {
            let inner = nested(inner);
            quote!(Vec<#inner>)
        }
        Type::Map(key, value) => {
            let (key, value) = (nested(key), nested(value));
            quote!(BTreeMap<#key, #value>)
        }
        Type::Tuple(items) => {
            let items = items.iter().map(nested);
            quote!((#(#items,)*))
        }
        Type::Plain(name) | Type::Runtime(name) => type_name(name),
        Type::Declared(name) => type_name(name),
        // The catalogue's reader parsed it before it became text.
        Type::Path(path) => path.parse().unwrap_or_default(),
        Type::Str | Type::Slice(_) | Type::Ref(_) => nested(ty),
    }
}

fn type_name(name: &str) -> TokenStream {
    let name = ident(name);
    quote!(#name)
}

/// Returns the type that a receiver decodes `payload` to.
pub(super) fn received_type(payload: &Payload) -> TokenStream {
    match payload {
        Payload::Known(ty) => written_type(ty),
        Payload::Unknown => quote!(Value),
    }
}

/// Returns the type in Rust of a reply that carries `ty` in `wrapper`.
pub(super) fn unwrapped_type(wrapper: ReplyWrapper, ty: &TokenStream) -> TokenStream {
    match wrapper {
        ReplyWrapper::Plain => ty.clone(),
        ReplyWrapper::FlaggedOption => quote!(Option<#ty>),
        ReplyWrapper::FlaggedResult => quote!(Result<#ty, #ty>),
        ReplyWrapper::MaybeFlatVec => quote!(Vec<#ty>),
    }
}

/// Returns the type that a sender encodes as `payload`: a whole argument list if the catalogue does not describe it.
fn sent_type(payload: &Payload) -> TokenStream {
    match payload {
        Payload::Known(ty) => written_type(ty),
        Payload::Unknown => quote!(Args),
    }
}

/// Returns the type of the half that sends.
pub(super) fn sender_type(side: &SideModel) -> TokenStream {
    match side {
        SideModel::End => quote!(End),
        SideModel::Root => quote!(DynSender),
        SideModel::Stream(payload) => {
            let item = sent_type(payload);
            quote!(Sender<#item>)
        }
        SideModel::Reply(payload) => {
            let value = sent_type(payload);
            quote!(ReplySender<#value>)
        }
        SideModel::States(states) => type_name(states.first().map_or("DynSender", |state| &state.sender)),
    }
}

/// Returns the type of the half that receives.
pub(super) fn receiver_type(side: &SideModel) -> TokenStream {
    match side {
        SideModel::End => quote!(End),
        SideModel::Root => quote!(DynReceiver),
        SideModel::Stream(payload) => {
            let item = received_type(payload);
            quote!(Receiver<#item>)
        }
        SideModel::Reply(payload) => {
            let value = received_type(payload);
            quote!(Reply<#value>)
        }
        SideModel::States(states) => type_name(states.first().map_or("DynReceiver", |state| &state.receiver)),
    }
}

/// Returns the type of the two halves that the caller of a session gets.
pub(super) fn duplex_type(tx: &SideModel, rx: &SideModel) -> TokenStream {
    let (sender, receiver) = (sender_type(tx), receiver_type(rx));
    quote!(Duplex<#sender, #receiver>)
}

/// Returns the parameters after `self`, each as `name: Type`.
pub(super) fn parameters(arguments: &Arguments) -> Vec<TokenStream> {
    let Arguments::Known(arguments) = arguments else {
        return vec![quote!(args: Args)];
    };
    let parameter = |Argument { name, ty, .. }: &Argument| {
        let (name, ty) = (ident(name), written_type(ty));
        quote!(#name: #ty)
    };
    arguments.iter().map(parameter).collect()
}

/// Returns the types of the fields in which a receiver keeps the arguments.
pub(super) fn field_types(arguments: &Arguments) -> Vec<TokenStream> {
    match arguments {
        Arguments::Known(arguments) => arguments.iter().map(|argument| owned_type(&argument.ty)).collect(),
        Arguments::Unknown => vec![quote!(Args)],
    }
}

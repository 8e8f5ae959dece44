//! Types as they are written, and as a receiver owns them.

use syn::{FnArg, Type as Tree};

use crate::emit::syntax::{fn_param, type_generic, type_name, type_ref, type_slice, type_tuple};
use crate::{
    catalogue::{Argument, ReplyWrapper, types::Type},
    model::{Arguments, Payload, SideModel},
    naming::ident,
};

/// Returns `ty` as the catalogue writes it.
pub(super) fn written(ty: &Type) -> Tree {
    match ty {
        Type::Str => type_ref(type_name("str")),
        Type::Slice(inner) => type_ref(type_slice(written(inner))),
        Type::Ref(inner) => type_ref(written(inner)),
        other => composed(other, written),
    }
}

/// Returns the type in which a receiver keeps `ty`.
pub(super) fn owned(ty: &Type) -> Tree {
    match ty {
        Type::Str => type_name("String"),
        Type::Slice(inner) => type_generic("Vec", [owned(inner)]),
        Type::Ref(inner) => owned(inner),
        other => composed(other, owned),
    }
}

/// Returns a type without a reference at its top; `part` writes what is inside.
fn composed(ty: &Type, part: fn(&Type) -> Tree) -> Tree {
    match ty {
        Type::Option(inner) => type_generic("Option", [part(inner)]),
        Type::Vec(inner) => type_generic("Vec", [part(inner)]),
        Type::Map(key, value) => type_generic("BTreeMap", [part(key), part(value)]),
        Type::Tuple(items) => type_tuple(items.iter().map(part)),
        Type::Plain(name) | Type::Runtime(name) => type_name(name),
        Type::Declared(name) => type_name(name),
        // It was a type before it was text.
        Type::Path(path) => syn::parse_str(path).unwrap_or_else(|_| type_tuple([])),
        Type::Str | Type::Slice(_) | Type::Ref(_) => part(ty),
    }
}

/// Returns what arrives as `payload`.
pub(super) fn received(payload: &Payload) -> Tree {
    match payload {
        Payload::Known(ty) => written(ty),
        Payload::Unknown => type_name("Value"),
    }
}

/// Returns the type in Rust of a `ty` that is packed on the wire.
pub(super) fn packed(pack: ReplyWrapper, ty: Tree) -> Tree {
    match pack {
        ReplyWrapper::Plain => ty,
        ReplyWrapper::Found => type_generic("Option", [ty]),
        ReplyWrapper::Tried => type_generic("Result", [ty.clone(), ty]),
        ReplyWrapper::List => type_generic("Vec", [ty]),
    }
}

/// Returns what is sent as `payload`: a whole argument list where nobody describes it.
fn sent(payload: &Payload) -> Tree {
    match payload {
        Payload::Known(ty) => written(ty),
        Payload::Unknown => type_name("Args"),
    }
}

/// Returns the type of the half that sends.
pub(super) fn sender(half: &SideModel) -> Tree {
    match half {
        SideModel::End => type_name("End"),
        SideModel::Root => type_name("DynSender"),
        SideModel::Stream(payload) => type_generic("Sender", [sent(payload)]),
        SideModel::Reply(payload) => type_generic("ReplySender", [sent(payload)]),
        SideModel::States(states) => type_name(states.first().map_or("DynSender", |state| &state.sender)),
    }
}

/// Returns the type of the half that receives.
pub(super) fn receiver(half: &SideModel) -> Tree {
    match half {
        SideModel::End => type_name("End"),
        SideModel::Root => type_name("DynReceiver"),
        SideModel::Stream(payload) => type_generic("Receiver", [received(payload)]),
        SideModel::Reply(payload) => type_generic("Reply", [received(payload)]),
        SideModel::States(states) => type_name(states.first().map_or("DynReceiver", |state| &state.receiver)),
    }
}

/// Returns what a caller holds of a session.
pub(super) fn exchange(tx: &SideModel, rx: &SideModel) -> Tree {
    type_generic("Duplex", [sender(tx), receiver(rx)])
}

/// Returns the parameters behind `self`.
pub(super) fn parameters(arguments: &Arguments) -> Vec<FnArg> {
    let Arguments::Known(arguments) = arguments else {
        return vec![fn_param(&ident("args"), type_name("Args"))];
    };
    arguments.iter().map(|Argument { name, ty, .. }| fn_param(&ident(name), written(ty))).collect()
}

/// Returns the types of the fields in which a receiver keeps the arguments.
pub(super) fn fields(arguments: &Arguments) -> Vec<Tree> {
    match arguments {
        Arguments::Known(arguments) => arguments.iter().map(|argument| owned(&argument.ty)).collect(),
        Arguments::Unknown => vec![type_name("Args")],
    }
}

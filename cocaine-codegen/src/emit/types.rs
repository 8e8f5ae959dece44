//! Types as they are written, and as a receiver owns them.

use syn::{FnArg, Type as Tree};

use crate::emit::syntax::{array, generic, named, parameter, reference, tuple_type};
use crate::{
    catalogue::{Argument, Pack, types::Type},
    model::{Arguments, Half, Payload},
    naming::ident,
};

/// Returns `ty` as the catalogue writes it.
pub(super) fn written(ty: &Type) -> Tree {
    match ty {
        Type::Str => reference(named("str")),
        Type::Slice(inner) => reference(array(written(inner))),
        Type::Ref(inner) => reference(written(inner)),
        other => composed(other, written),
    }
}

/// Returns the type in which a receiver keeps `ty`.
pub(super) fn owned(ty: &Type) -> Tree {
    match ty {
        Type::Str => named("String"),
        Type::Slice(inner) => generic("Vec", [owned(inner)]),
        Type::Ref(inner) => owned(inner),
        other => composed(other, owned),
    }
}

/// Returns a type without a reference at its top; `part` writes what is inside.
fn composed(ty: &Type, part: fn(&Type) -> Tree) -> Tree {
    match ty {
        Type::Option(inner) => generic("Option", [part(inner)]),
        Type::Vec(inner) => generic("Vec", [part(inner)]),
        Type::Map(key, value) => generic("BTreeMap", [part(key), part(value)]),
        Type::Tuple(items) => tuple_type(items.iter().map(part)),
        Type::Plain(name) | Type::Runtime(name) => named(name),
        Type::Own(name) => named(name),
        // It was a type before it was text.
        Type::Path(path) => syn::parse_str(path).unwrap_or_else(|_| tuple_type([])),
        Type::Str | Type::Slice(_) | Type::Ref(_) => part(ty),
    }
}

/// Returns what arrives as `payload`.
pub(super) fn received(payload: &Payload) -> Tree {
    match payload {
        Payload::Known(ty) => written(ty),
        Payload::Unknown => named("Value"),
    }
}

/// Returns the type in Rust of a `ty` that is packed on the wire.
pub(super) fn packed(pack: Pack, ty: Tree) -> Tree {
    match pack {
        Pack::Plain => ty,
        Pack::Found => generic("Option", [ty]),
        Pack::Tried => generic("Result", [ty.clone(), ty]),
        Pack::List => generic("Vec", [ty]),
    }
}

/// Returns what is sent as `payload`: a whole argument list where nobody describes it.
fn sent(payload: &Payload) -> Tree {
    match payload {
        Payload::Known(ty) => written(ty),
        Payload::Unknown => named("Args"),
    }
}

/// Returns the type of the half that sends.
pub(super) fn sender(half: &Half) -> Tree {
    match half {
        Half::End => named("End"),
        Half::Root => named("Tx"),
        Half::Stream(payload) => generic("Sender", [sent(payload)]),
        Half::Reply(payload) => generic("Responder", [sent(payload)]),
        Half::States(states) => named(states.first().map_or("Tx", |state| &state.sender)),
    }
}

/// Returns the type of the half that receives.
pub(super) fn receiver(half: &Half) -> Tree {
    match half {
        Half::End => named("End"),
        Half::Root => named("Rx"),
        Half::Stream(payload) => generic("Receiver", [received(payload)]),
        Half::Reply(payload) => generic("Reply", [received(payload)]),
        Half::States(states) => named(states.first().map_or("Rx", |state| &state.receiver)),
    }
}

/// Returns what a caller holds of a session.
pub(super) fn exchange(tx: &Half, rx: &Half) -> Tree {
    if let (Half::Stream(out), Half::Stream(into)) = (tx, rx) {
        return generic("Duplex", [received(into), sent(out)]);
    }
    generic("Exchange", [sender(tx), receiver(rx)])
}

/// Returns the parameters behind `self`.
pub(super) fn parameters(arguments: &Arguments) -> Vec<FnArg> {
    let Arguments::Known(arguments) = arguments else {
        return vec![parameter(&ident("args"), named("Args"))];
    };
    arguments.iter().map(|Argument { name, ty, .. }| parameter(&ident(name), written(ty))).collect()
}

/// Returns the types of the fields in which a receiver keeps the arguments.
pub(super) fn fields(arguments: &Arguments) -> Vec<Tree> {
    match arguments {
        Arguments::Known(arguments) => arguments.iter().map(|argument| owned(&argument.ty)).collect(),
        Arguments::Unknown => vec![named("Args")],
    }
}

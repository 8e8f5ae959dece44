//! What the signature of an event must not have. What only types can tell is left to the traits of `cocaine`.

use syn::{
    FnArg, GenericParam, Generics, ItemImpl, PatType, Receiver, ReceiverKind, ReturnType, Safety, Signature,
    Type, TypeImplTrait, TypeParamBound, TypeReference,
    visit::{self, Visit},
};

use crate::mistakes::{Mistakes, spelled};

/// Checks a function under `#[cocaine::worker]`.
pub(crate) fn function(sig: &Signature, mistakes: &mut Mistakes) {
    if let Some(receiver) = sig.receiver() {
        let text = "a method is an event of its type: put `#[cocaine::worker]` on the `impl` block";
        mistakes.at(receiver, text);
    }
    signature(sig, mistakes);
}

/// Checks a method that is an event.
pub(crate) fn method(sig: &Signature, mistakes: &mut Mistakes) {
    match sig.receiver() {
        None => mistakes.at(&sig.ident, "an event takes `&self`"),
        Some(own) => receiver(own, mistakes),
    }
    signature(sig, mistakes);
    if let ReturnType::Type(_, ty) = &sig.output {
        Borrowed { mistakes }.visit_type(ty);
    }
}

/// Checks an `impl` block under `#[cocaine::worker]`.
pub(crate) fn block(item: &ItemImpl, mistakes: &mut Mistakes) {
    if let Some((path, _)) = &item.trait_ {
        let text = "an implementation of a trait has no events, for its methods are shaped by the trait: move the \
                    handlers to an `impl` block of the type itself";
        mistakes.at(path, text);
    }
    let text = "a worker serves one concrete type: write it out here, such as `impl Cache<String>`";
    generics(&item.generics, text, mistakes);
}

fn receiver(receiver: &Receiver, mistakes: &mut Mistakes) {
    let shared = match &receiver.kind {
        ReceiverKind::Reference(_, _, exclusive) => exclusive.is_none(),
        _ => false,
    };
    if !shared {
        let text =
            "all events share one value: write `&self`, and keep what changes in a `Mutex` or an atomic";
        mistakes.at(receiver, text);
    }
}

fn signature(sig: &Signature, mistakes: &mut Mistakes) {
    if sig.asyncness.is_none() {
        mistakes.at(sig.fn_token, format_args!("an event is asynchronous: write `async fn {}`", sig.ident));
    }
    if let Safety::Unsafe(token) = &sig.safety {
        mistakes.at(token, "an event is called with whatever a client sends: leave `unsafe` out");
    }
    if let Some(abi) = &sig.abi {
        mistakes.at(abi, "an event is called from Rust: leave `extern` out");
    }
    if let Some(variadic) = &sig.variadic {
        mistakes.at(variadic, "an event has a fixed number of arguments: take a `Vec<T>`");
    }
    let text = "an event has no generics, for a client cannot choose them: write concrete types";
    generics(&sig.generics, text, mistakes);
    for input in &sig.inputs {
        if let FnArg::Typed(PatType { ty, .. }) = input {
            Owned { mistakes }.visit_type(ty);
        }
    }
}

fn generics(generics: &Generics, text: &str, mistakes: &mut Mistakes) {
    for parameter in &generics.params {
        match parameter {
            GenericParam::Lifetime(parameter) => mistakes.at(parameter, text),
            GenericParam::Type(parameter) => mistakes.at(&parameter.ident, text),
            GenericParam::Const(parameter) => mistakes.at(&parameter.ident, text),
        }
    }
    if let Some(clause) = &generics.where_clause {
        mistakes.at(clause, text);
    }
}

/// Finds what an argument cannot own.
struct Owned<'m> {
    mistakes: &'m mut Mistakes,
}

impl<'ast> Visit<'ast> for Owned<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let instead = owned(&reference.elem);
        self.mistakes.at(reference, format_args!("an event owns its arguments: write `{instead}`"));
    }

    fn visit_type_impl_trait(&mut self, found: &'ast TypeImplTrait) {
        self.mistakes.at(found, "an event has one type for each argument: write a concrete type");
    }
}

/// Returns what to write instead of a reference to `ty`.
fn owned(ty: &Type) -> String {
    let text = |ty: &Type| spelled(ty);
    match ty {
        Type::Slice(slice) if text(&slice.elem) == "u8" => "Bytes".to_owned(),
        Type::Slice(slice) => format!("Vec<{}>", text(&slice.elem)),
        Type::Path(path) if path.path.is_ident("str") => "String".to_owned(),
        Type::Path(path) if path.path.is_ident("Path") => "PathBuf".to_owned(),
        other => text(other),
    }
}

/// Finds what a method would return with a borrow of its `self`.
struct Borrowed<'m> {
    mistakes: &'m mut Mistakes,
}

impl<'ast> Visit<'ast> for Borrowed<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        if reference.lifetime.as_ref().is_none_or(|lifetime| lifetime.ident != "static") {
            let instead = owned(&reference.elem);
            self.mistakes.at(reference, format_args!("an event owns what it returns: write `{instead}`"));
        }
    }

    fn visit_type_impl_trait(&mut self, found: &'ast TypeImplTrait) {
        let captures = |bound: &TypeParamBound| matches!(bound, TypeParamBound::PreciseCapture(_));
        if !found.bounds.iter().any(captures) {
            let text = "this would borrow `self`, but goes on after the method: add `+ use<>`";
            self.mistakes.at(found, text);
        }
        visit::visit_type_impl_trait(self, found);
    }
}

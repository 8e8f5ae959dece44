//! The rules for items, as far as syntax shows them. The traits of `cocaine` check the types.

use syn::{
    FnArg, GenericParam, Generics, ItemImpl, PatType, Receiver, ReceiverKind, ReturnType, Safety, Signature,
    Type, TypeImplTrait, TypeParamBound, TypeReference,
    visit::{self, Visit},
};

use crate::diagnostics::{Diagnostics, source_text};

/// Checks a function under `#[cocaine::worker]`.
pub(crate) fn function(sig: &Signature, diagnostics: &mut Diagnostics) {
    if let Some(receiver) = sig.receiver() {
        let text = "a method is an event of its type: put `#[cocaine::worker]` on the `impl` block";
        diagnostics.error(receiver, text);
    }
    check_signature(sig, diagnostics);
}

/// Checks the method of an event.
pub(crate) fn method(sig: &Signature, diagnostics: &mut Diagnostics) {
    match sig.receiver() {
        None => diagnostics.error(&sig.ident, "an event takes `&self`"),
        Some(receiver) => check_receiver(receiver, diagnostics),
    }
    check_signature(sig, diagnostics);
    if let ReturnType::Type(_, ty) = &sig.output {
        ReturnTypeChecker { diagnostics }.visit_type(ty);
    }
}

/// Checks an `impl` block under `#[cocaine::worker]`.
pub(crate) fn block(item: &ItemImpl, diagnostics: &mut Diagnostics) {
    if let Some((path, _)) = &item.trait_ {
        let text = "an implementation of a trait has no events, for its methods are shaped by the trait: move the \
                    handlers to an `impl` block of the type itself";
        diagnostics.error(path, text);
    }
    let text = "a worker serves one concrete type: write it out here, such as `impl Cache<String>`";
    reject_generics(&item.generics, text, diagnostics);
}

fn check_receiver(receiver: &Receiver, diagnostics: &mut Diagnostics) {
    let shared = match &receiver.kind {
        ReceiverKind::Reference(_, _, exclusive) => exclusive.is_none(),
        _ => false,
    };
    if !shared {
        let text =
            "all events share one value: write `&self`, and keep what changes in a `Mutex` or an atomic";
        diagnostics.error(receiver, text);
    }
}

fn check_signature(sig: &Signature, diagnostics: &mut Diagnostics) {
    if sig.asyncness.is_none() {
        diagnostics
            .error(sig.fn_token, format_args!("an event is asynchronous: write `async fn {}`", sig.ident));
    }
    if let Safety::Unsafe(token) = &sig.safety {
        diagnostics.error(token, "an event is called with whatever a client sends: leave `unsafe` out");
    }
    if let Some(abi) = &sig.abi {
        diagnostics.error(abi, "an event is called from Rust: leave `extern` out");
    }
    if let Some(variadic) = &sig.variadic {
        diagnostics.error(variadic, "an event has a fixed number of arguments: take a `Vec<T>`");
    }
    let text = "an event has no generics, for a client cannot choose them: write concrete types";
    reject_generics(&sig.generics, text, diagnostics);
    for input in &sig.inputs {
        if let FnArg::Typed(PatType { ty, .. }) = input {
            ArgumentTypeChecker { diagnostics }.visit_type(ty);
        }
    }
}

fn reject_generics(generics: &Generics, message: &str, diagnostics: &mut Diagnostics) {
    for parameter in &generics.params {
        match parameter {
            GenericParam::Lifetime(parameter) => diagnostics.error(parameter, message),
            GenericParam::Type(parameter) => diagnostics.error(&parameter.ident, message),
            GenericParam::Const(parameter) => diagnostics.error(&parameter.ident, message),
        }
    }
    if let Some(clause) = &generics.where_clause {
        diagnostics.error(clause, message);
    }
}

/// Reports types of arguments that are not owned or not concrete.
struct ArgumentTypeChecker<'d> {
    diagnostics: &'d mut Diagnostics,
}

impl<'ast> Visit<'ast> for ArgumentTypeChecker<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let instead = owned_equivalent(&reference.elem);
        self.diagnostics.error(reference, format_args!("an event owns its arguments: write `{instead}`"));
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        self.diagnostics.error(ty, "an event has one type for each argument: write a concrete type");
    }
}

/// Returns the owned type to write instead of a reference to `ty`.
fn owned_equivalent(ty: &Type) -> String {
    match ty {
        Type::Slice(slice) if source_text(&slice.elem) == "u8" => "Bytes".to_owned(),
        Type::Slice(slice) => format!("Vec<{}>", source_text(&slice.elem)),
        Type::Path(path) if path.path.is_ident("str") => "String".to_owned(),
        Type::Path(path) if path.path.is_ident("Path") => "PathBuf".to_owned(),
        other => source_text(other),
    }
}

/// Reports types in a method's return type that borrow `self`.
struct ReturnTypeChecker<'d> {
    diagnostics: &'d mut Diagnostics,
}

impl<'ast> Visit<'ast> for ReturnTypeChecker<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        if reference.lifetime.as_ref().is_none_or(|lifetime| lifetime.ident != "static") {
            let instead = owned_equivalent(&reference.elem);
            self.diagnostics
                .error(reference, format_args!("an event owns what it returns: write `{instead}`"));
        }
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        let captures = |bound: &TypeParamBound| matches!(bound, TypeParamBound::PreciseCapture(_));
        if !ty.bounds.iter().any(captures) {
            let text = "this would borrow `self`, but goes on after the method: add `+ use<>`";
            self.diagnostics.error(ty, text);
        }
        visit::visit_type_impl_trait(self, ty);
    }
}

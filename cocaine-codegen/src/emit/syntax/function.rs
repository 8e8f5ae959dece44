//! Functions of traits and of `impl` blocks.

use proc_macro2::Ident;
use syn::{
    Attribute, FnArg, FnModifiers, GenericParam, Generics, ImplItem, ImplItemFn, PatType, Receiver,
    ReceiverKind, ReturnType, Safety, Signature, Stmt, TraitItem, TraitItemFn, Type, TypeParam,
    TypeParamBound, Visibility, token,
};

use super::expr::{block, pat_ident};
use crate::naming::ident;

/// `fn name(&self, parameters) -> output`
pub(in crate::emit) fn fn_signature(name: &str, parameters: Vec<FnArg>, output: Type) -> Signature {
    let receiver = Receiver {
        attrs: Vec::new(),
        mutability: None,
        self_token: token::SelfValue::default(),
        kind: ReceiverKind::Reference(token::And::default(), None, None),
    };
    Signature {
        constness: None,
        asyncness: None,
        safety: Safety::Default,
        abi: None,
        fn_token: token::Fn::default(),
        ident: ident(name),
        generics: Generics::default(),
        paren_token: token::Paren::default(),
        inputs: [FnArg::Receiver(receiver)].into_iter().chain(parameters).collect(),
        variadic: None,
        output: ReturnType::Type(token::RArrow::default(), Box::new(output)),
    }
}

/// `name: ty`
pub(in crate::emit) fn fn_param(name: &Ident, ty: Type) -> FnArg {
    FnArg::Typed(PatType {
        attrs: Vec::new(),
        pat: Box::new(pat_ident(name)),
        colon_token: token::Colon::default(),
        ty: Box::new(ty),
    })
}

/// `async` before a signature
pub(in crate::emit) fn fn_async(signature: Signature) -> Signature {
    Signature { asyncness: Some(token::Async::default()), ..signature }
}

/// `<name: bound>` behind the name of a signature
pub(in crate::emit) fn fn_generic(name: &str, bound: TypeParamBound, signature: Signature) -> Signature {
    let mut parameter = TypeParam::from(ident(name));
    parameter.colon_token = Some(token::Colon::default());
    parameter.bounds.push(bound);
    let generics = Generics {
        lt_token: Some(token::Lt::default()),
        params: [GenericParam::Type(parameter)].into_iter().collect(),
        gt_token: Some(token::Gt::default()),
        where_clause: None,
    };
    Signature { generics, ..signature }
}

/// A method of a trait.
pub(in crate::emit) fn item_trait_fn(attrs: Vec<Attribute>, sig: Signature) -> TraitItem {
    TraitItem::Fn(TraitItemFn {
        attrs,
        modifiers: FnModifiers::default(),
        sig,
        default: None,
        semi_token: Some(token::Semi::default()),
    })
}

/// A method of an `impl` block.
pub(in crate::emit) fn item_impl_fn(
    attrs: Vec<Attribute>,
    vis: Visibility,
    sig: Signature,
    body: Stmt,
) -> ImplItem {
    let modifiers = FnModifiers::default();
    ImplItem::Fn(ImplItemFn { attrs, vis, modifiers, sig, block: block(vec![body]) })
}

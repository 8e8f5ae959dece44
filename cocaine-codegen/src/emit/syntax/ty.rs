//! Types.

use syn::{
    AngleBracketedGenericArguments, AssocType, CapturedParam, GenericArgument, Lifetime, Path, PathArguments,
    PathSegment, PreciseCapture, TraitBound, TraitBoundModifiers, Type, TypeImplTrait, TypeParamBound,
    TypePath, TypeReference, TypeSlice, TypeTuple, punctuated::Punctuated, token,
};

use crate::naming::ident;

/// `Name`
pub(in crate::emit) fn type_name(name: &str) -> Type {
    type_path(PathSegment::from(ident(name)).into())
}

/// `Name<arguments>`
pub(in crate::emit) fn type_generic<const N: usize>(name: &str, arguments: [Type; N]) -> Type {
    type_path(generic_path(name, arguments.map(GenericArgument::Type)))
}

fn type_path(path: Path) -> Type {
    Type::Path(TypePath { attrs: Vec::new(), qself: None, path })
}

/// `&elem`
pub(in crate::emit) fn type_ref(elem: Type) -> Type {
    Type::Reference(TypeReference {
        attrs: Vec::new(),
        and_token: token::And::default(),
        lifetime: None,
        mutability: None,
        elem: Box::new(elem),
    })
}

/// `[elem]`
pub(in crate::emit) fn type_slice(elem: Type) -> Type {
    Type::Slice(TypeSlice {
        attrs: Vec::new(),
        bracket_token: token::Bracket::default(),
        elem: Box::new(elem),
    })
}

/// `(A, B)`, `(A,)`, `()`
pub(in crate::emit) fn type_tuple(elements: impl IntoIterator<Item = Type>) -> Type {
    let elems = comma_after_one(elements.into_iter().collect());
    Type::Tuple(TypeTuple { attrs: Vec::new(), paren_token: token::Paren::default(), elems })
}

/// `Lossy<'_>`
pub(in crate::emit) fn type_lossy() -> Type {
    type_path(generic_path("Lossy", [GenericArgument::Lifetime(lifetime("'_"))]))
}

/// `Result<T>`
pub(in crate::emit) fn type_result(ty: Type) -> Type {
    type_generic("Result", [ty])
}

/// `impl Future<Output = Result<T>> + Send`
pub(in crate::emit) fn type_future(output: Type) -> Type {
    type_impl([bound_with_type("Future", "Output", type_result(output)), bound("Send")])
}

/// `impl Stream<Item = Result<T>> + Send + 'static + use<Self>`
pub(in crate::emit) fn type_stream(item: Type) -> Type {
    let this = CapturedParam::Ident(token::SelfType::default().into());
    let capture = PreciseCapture {
        use_token: token::Use::default(),
        lt_token: token::Lt::default(),
        params: [this].into_iter().collect(),
        gt_token: token::Gt::default(),
    };
    let lifetime = TypeParamBound::Lifetime(lifetime("'static"));
    let stream = bound_with_type("Stream", "Item", type_result(item));
    type_impl([stream, bound("Send"), lifetime, TypeParamBound::PreciseCapture(capture)])
}

/// `impl Serialize + Send`
pub(in crate::emit) fn type_impl_serialize() -> Type {
    type_impl([bound("Serialize"), bound("Send")])
}

/// A tuple of one has a comma.
pub(super) fn comma_after_one<T>(mut elements: Punctuated<T, token::Comma>) -> Punctuated<T, token::Comma> {
    if elements.len() == 1 {
        elements.push_punct(token::Comma::default());
    }
    elements
}

fn type_impl<const N: usize>(bounds: [TypeParamBound; N]) -> Type {
    Type::ImplTrait(TypeImplTrait {
        attrs: Vec::new(),
        impl_token: token::Impl::default(),
        bounds: bounds.into_iter().collect(),
    })
}

/// `Name`, as a bound
pub(in crate::emit) fn bound(name: &str) -> TypeParamBound {
    bound_path(PathSegment::from(ident(name)).into())
}

fn bound_with_type(name: &str, associated: &str, ty: Type) -> TypeParamBound {
    let ident = ident(associated);
    let associated = AssocType { ident, generics: None, eq_token: token::Eq::default(), ty };
    bound_path(generic_path(name, [GenericArgument::AssocType(associated)]))
}

fn bound_path(path: Path) -> TypeParamBound {
    TypeParamBound::Trait(TraitBound {
        paren_token: None,
        lifetimes: None,
        modifiers: TraitBoundModifiers::default(),
        maybe: None,
        path,
    })
}

fn generic_path<const N: usize>(name: &str, arguments: [GenericArgument; N]) -> Path {
    let arguments = PathArguments::AngleBracketed(angle_bracketed(arguments));
    PathSegment { ident: ident(name), arguments }.into()
}

/// `::<T>`
pub(super) fn turbofish(ty: Type) -> AngleBracketedGenericArguments {
    let colon2_token = Some(token::PathSep::default());
    AngleBracketedGenericArguments { colon2_token, ..angle_bracketed([GenericArgument::Type(ty)]) }
}

fn angle_bracketed<const N: usize>(arguments: [GenericArgument; N]) -> AngleBracketedGenericArguments {
    AngleBracketedGenericArguments {
        colon2_token: None,
        lt_token: token::Lt::default(),
        args: arguments.into_iter().collect::<Punctuated<_, _>>(),
        gt_token: token::Gt::default(),
    }
}

fn lifetime(name: &str) -> Lifetime {
    Lifetime::new(name, proc_macro2::Span::call_site())
}

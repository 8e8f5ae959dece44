//! Doubles: implementations of the trait for callers whose answers a test sets. Each method is one call of the runtime.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::quote;

use super::{arguments, docs, literal::integer, traits, types};
use crate::{
    catalogue::{Argument, types::Type},
    model::{Arguments, CallModel, MethodModel, Payload, ServiceModel, SideModel, TypeNames},
    naming::{self, ident},
};

/// Returns the items of a double's module; `bindings` is the module of the bindings.
pub(super) fn double(service: &ServiceModel, bindings: &TokenStream) -> TokenStream {
    let shown = format!("{}, version {}", docs::name(&service.wire_name), service.version);
    let (structure, methods) = (double_struct(&service.names, &shown), double_impls(service));
    let items = quote!(#structure #methods);
    let imports = imports(service, bindings, items.clone());
    quote!(#imports #items)
}

fn double_impls(service: &ServiceModel) -> TokenStream {
    let client = ident(&service.names.client);
    let core = quote!(double::Double::new(<#client as ServiceClient>::SPEC));
    let expected = (0..).zip(&service.methods).map(|(index, method)| expect_method(index, method));
    let called = (0..).zip(&service.methods).map(|(index, method)| answer_method(index, method));
    implementations(
        &service.names,
        &core,
        service.names.server.is_some(),
        &quote!(#(#expected)*),
        &quote!(#(#called)*),
    )
}

/// Returns the struct of a double of what `shown` names.
pub(super) fn double_struct(names: &TypeNames, shown: &str) -> TokenStream {
    let (double, caller_trait) = (ident(&names.double), &names.caller_trait);
    let doc = docs::lines([
        format!("A double of {shown}: [`{caller_trait}`] for tests."),
        String::new(),
        "It answers the calls that it expects. An unexpected call panics, and so does dropping the last clone while"
            .to_owned(),
        "an expected call is missing.".to_owned(),
    ]);
    quote! {
        #doc
        #[derive(Clone, Debug)]
        pub struct #double(double::Double);
    }
}

/// Returns the implementations of a double around `core`: `expected` are the methods by which a test expects calls, and
/// `called` those of the trait.
pub(super) fn implementations(
    names: &TypeNames,
    core: &TokenStream,
    has_sessions: bool,
    expected: &TokenStream,
    called: &TokenStream,
) -> TokenStream {
    let [double, caller_trait] = [&names.double, &names.caller_trait].map(|name| ident(name));
    let new = docs::lines(["Returns a double that expects no call."]);
    let order = docs::lines(["Requires the calls in the order in which they are expected."]);
    let sessions = has_sessions.then(wait_for_scripts_method);
    let verify = docs::lines([
        "Fails the test if an expected call is missing, or if there was an unexpected one.",
        "",
        "# Panics",
        "",
        "If a call is missing or was unexpected. Both are reported once.",
    ]);
    quote! {
        impl Default for #double {
            fn default() -> Self {
                Self(#core)
            }
        }

        #[allow(clippy::must_use_candidate, clippy::type_complexity)]
        impl #double {
            #new
            pub fn new() -> Self {
                Self::default()
            }

            #order
            #[must_use]
            pub fn in_order(self) -> Self {
                self.0.in_order();
                self
            }

            #verify
            pub fn verify(&self) {
                self.0.verify();
            }

            #sessions

            #expected
        }

        impl #caller_trait for #double {
            #called
        }
    }
}

/// Returns the method that waits for the scripts of sessions.
fn wait_for_scripts_method() -> TokenStream {
    let doc = docs::lines(["Waits until the script of every session has ended."]);
    quote! {
        #doc
        pub async fn wait_for_scripts(&self) {
            self.0.wait_for_scripts().await;
        }
    }
}

/// Returns the method with which a test expects a call.
fn expect_method(index: u64, method: &MethodModel) -> TokenStream {
    let arguments = match &method.arguments {
        Arguments::Known(arguments) => {
            let names: Vec<_> = arguments.iter().map(|argument| format!("`{}`", argument.name)).collect();
            if names.is_empty() { String::new() } else { format!(" with {}", names.join(", ")) }
        }
        Arguments::Unknown => " with `args`".to_owned(),
    };
    let doc = docs::lines([format!("Expects a call of {}{arguments}.", docs::name(&method.wire_name))]);
    let (name, index) = (ident(&method.expectation), integer(index));
    let (given, owned) = (argument_tuple(&method.arguments), owned_argument_tuple(&method.arguments));
    let answer = answer_type(&method.shape);
    let preset = has_unit_answer(&method.shape).then(|| quote!(.returns(())));
    quote! {
        #doc
        #[track_caller]
        pub fn #name(&self) -> double::Expectation<#given, #owned, #answer> {
            self.0.expect(#index)#preset
        }
    }
}

/// Returns the method of the trait.
fn answer_method(index: u64, method: &MethodModel) -> TokenStream {
    let (name, index, args) =
        (ident(&method.name), integer(index), arguments::encoded_value(&method.arguments));
    let parameters = types::parameters(&method.arguments);
    match &method.shape {
        CallModel::Stream(_) => {
            let items = answer_type(&method.shape);
            quote! {
                #[allow(refining_impl_trait)]
                fn #name(&self #(, #parameters)*) -> #items {
                    self.0.answer(#index, #args)
                }
            }
        }
        CallModel::Session { tx, rx } => {
            let (input, output) = (types::receiver_type(tx), types::sender_type(rx));
            let session = traits::output_type(&method.shape);
            quote! {
                async fn #name(&self #(, #parameters)*) -> Result<#session> {
                    self.0.open::<#input, #output, _, _>(#index, #args)
                }
            }
        }
        shape => {
            let answer = traits::output_type(shape);
            quote! {
                async fn #name(&self #(, #parameters)*) -> Result<#answer> {
                    self.0.answer(#index, #args)
                }
            }
        }
    }
}

/// Returns the type of all arguments, as a caller passes them.
fn argument_tuple(arguments: &Arguments) -> TokenStream {
    match arguments {
        Arguments::Known(arguments) => {
            let types = arguments.iter().map(|Argument { ty, .. }| types::written_type(ty));
            quote!((#(#types,)*))
        }
        Arguments::Unknown => quote!(Args),
    }
}

/// Returns the type of all arguments, as a closure of a test takes them.
fn owned_argument_tuple(arguments: &Arguments) -> TokenStream {
    match arguments {
        Arguments::Known(_) => {
            let types = types::field_types(arguments);
            quote!((#(#types,)*))
        }
        Arguments::Unknown => quote!(Args),
    }
}

/// Returns the type of a test's answer.
fn answer_type(shape: &CallModel) -> TokenStream {
    match shape {
        CallModel::Stream(payload) => {
            let item = types::received_type(payload);
            quote!(double::ItemStream<#item>)
        }
        CallModel::Session { tx, rx } => {
            let (input, output) = (types::receiver_type(tx), types::sender_type(rx));
            quote!(double::SessionScript<#input, #output>)
        }
        shape => {
            let output = traits::output_type(shape);
            quote!(Result<#output>)
        }
    }
}

/// Returns whether `()` is the only answer.
fn has_unit_answer(shape: &CallModel) -> bool {
    match shape {
        CallModel::Mute => true,
        CallModel::Unary(crate::catalogue::ReplyWrapper::Plain, Payload::Known(Type::Tuple(items))) => {
            items.is_empty()
        }
        _ => false,
    }
}

fn imports(service: &ServiceModel, bindings: &TokenStream, items: TokenStream) -> TokenStream {
    let mut used = BTreeSet::new();
    collect_idents(items.clone(), &mut used);
    let map = used.contains("BTreeMap").then(|| {
        quote! { use ::std::collections::BTreeMap; }
    });
    let imports = import_used(bindings, &service.module, binding_names(service), items);
    quote!(#imports #map)
}

/// Returns the `use` declarations for the names in `items`, of which `own` are those of the bindings' module.
pub(super) fn import_used<'n>(
    bindings: &TokenStream,
    module: &str,
    own: impl Iterator<Item = &'n str>,
    items: TokenStream,
) -> TokenStream {
    let mut used = BTreeSet::new();
    collect_idents(items, &mut used);
    let module = ident(module);
    let runtime = naming::RUNTIME.iter().copied().filter(|name| used.contains(*name)).map(ident);
    let own: BTreeSet<_> = own.filter(|name| used.contains(*name)).collect();
    let own = own.into_iter().map(ident);
    quote! {
        use ::cocaine::bind::{#(#runtime),*};
        use ::cocaine::double;
        use #bindings::#module::{#(#own),*};
    }
}

/// Returns the names of the bindings' module that a double may use.
fn binding_names(service: &ServiceModel) -> impl Iterator<Item = &str> {
    let states = service.methods.iter().flat_map(|method| match &method.shape {
        CallModel::Session { tx, rx } => vec![tx, rx],
        _ => Vec::new(),
    });
    let states = states.filter_map(|side| match side {
        SideModel::States(states) => states.first(),
        _ => None,
    });
    [&*service.names.caller_trait, &*service.names.client]
        .into_iter()
        .chain(service.types.iter().map(|own| &*own.name))
        .chain(states.flat_map(|state| [&*state.sender, &*state.receiver]))
}

fn collect_idents(tokens: TokenStream, idents: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => collect_idents(group.stream(), idents),
            TokenTree::Ident(ident) => drop(idents.insert(Ident::to_string(&ident))),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

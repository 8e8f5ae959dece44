//! A service's graph merged with its description.

use super::{
    Arguments, CallModel, MethodModel, Payload, ServiceModel,
    context::{Diagnostics, MergeContext},
    names, side,
};
use crate::{
    catalogue::{Catalogue, Entry, Reply, ReplyWrapper, Signature, types::Type},
    error::Problem,
    metadata::{
        self,
        shape::CallKind,
        tree::{FIRST_CONTROL, Tree},
    },
    naming::{self, NameScope},
};

/// Returns the service `name` of `metadata`, described by `catalogue`; `module` is its module.
pub(crate) fn service(
    name: &str,
    module: String,
    metadata: &metadata::Service,
    catalogue: &Catalogue,
    diagnostics: &mut Diagnostics,
) -> ServiceModel {
    let entry = catalogue.find(name, metadata);
    check_entry(name, metadata, entry, diagnostics);
    let methods = metadata.graph.iter().filter(|(id, _)| **id < FIRST_CONTROL);
    let sessions = methods.clone().any(|(_, method)| CallKind::of(&method.1, &method.2) == CallKind::Session);
    let described = entry.filter(|entry| entry.service == name);
    let camel = described.map_or_else(|| naming::camel(name, "Service"), |entry| entry.name.clone());
    let mut types = NameScope::default();
    let own = entry.map(|entry| entry.types.clone()).unwrap_or_default();
    for own in &own {
        types.claim(own.name.clone(), "");
    }
    let names = names::service(&camel, sessions, &mut types);
    let mut context = MergeContext { service: name, types, diagnostics };
    let described = |wire: &str| entry.and_then(|entry| entry.methods.get(wire));
    let wanted: Vec<_> =
        methods.clone().map(|(id, method)| wanted_name(*id, &method.0, described(&method.0))).collect();
    let names_in_rust = NameScope::claim_all(&wanted, "_");
    let expectations = naming::expectations(&names_in_rust);
    let methods = methods
        .zip(names_in_rust.into_iter().zip(expectations))
        .map(|((id, method), names_in_rust)| {
            let signature = described(&method.0);
            if entry.is_some() && signature.is_none() {
                let text = "the catalogue does not describe it: it is untyped";
                context.diagnostics.warn(name, Some(&method.0), text);
            }
            merge_method(*id, names_in_rust, method, signature, &mut context)
        })
        .collect();
    ServiceModel {
        wire_name: name.to_owned(),
        version: metadata.version,
        module,
        docs: entry.map(|entry| entry.docs.clone()).unwrap_or_default(),
        names,
        types: own,
        methods,
    }
}

/// Warns if there is no description, or if its version or its methods differ from the graph.
fn check_entry(
    name: &str,
    metadata: &metadata::Service,
    entry: Option<&Entry>,
    diagnostics: &mut Diagnostics,
) {
    let Some(entry) = entry else {
        let text = "no catalogue describes it: its methods are untyped; describe it with `--catalogue FILE`";
        return diagnostics.warn(name, None, text);
    };
    if let Some(version) = entry.version.filter(|version| *version != metadata.version) {
        let text = format!("the catalogue describes version {version}, this is version {}", metadata.version);
        diagnostics.warn(name, None, text);
    }
    for method in entry.methods.keys() {
        if !metadata.graph.values().any(|known| known.0 == *method) {
            let text = "the catalogue describes it, but the graph has no such method: it is left out";
            diagnostics.warn(name, Some(method), text);
        }
    }
}

/// Returns the name that the method `wire` has in Rust if no other method wants it.
fn wanted_name(id: u64, wire: &str, signature: Option<&Signature>) -> String {
    naming::client_method(match signature {
        Some(described) => described.name.clone(),
        None => naming::snake(wire, &format!("method_{id}")),
    })
}

fn merge_method(
    id: u64,
    (name, expectation): (String, String),
    method: &metadata::Method,
    signature: Option<&Signature>,
    context: &mut MergeContext<'_>,
) -> MethodModel {
    let metadata::Method(wire, dispatch, upstream) = method;
    let shape = call_model(&name, method, signature, context);
    MethodModel {
        id,
        wire_name: wire.clone(),
        name,
        expectation,
        docs: signature.map(|signature| signature.docs.clone()).unwrap_or_default(),
        arguments: Arguments::of(signature),
        shape,
        revoke_on_drop: signature.is_some_and(|signature| signature.revoke_on_drop),
        dispatch: dispatch.clone(),
        upstream: upstream.clone(),
    }
}

/// Returns how a method is called: as the graph says, with the types of the catalogue.
fn call_model(
    name: &str,
    method: &metadata::Method,
    signature: Option<&Signature>,
    context: &mut MergeContext<'_>,
) -> CallModel {
    let metadata::Method(wire, dispatch, upstream) = method;
    if let Some(signature) = signature.filter(|signature| !signature.reply.fits(dispatch, upstream)) {
        report_disagreement(wire, dispatch, upstream, signature, context);
        return CallModel::Mute;
    }
    let reply = signature.map(|signature| &signature.reply);
    let (wrapper, payload) = match reply {
        None | Some(Reply::Session(..) | Reply::Guard) => (ReplyWrapper::Plain, Payload::Unknown),
        Some(Reply::Nothing) => (ReplyWrapper::Plain, Payload::Known(Type::Tuple(Vec::new()))),
        Some(Reply::Stream(ty)) => (ReplyWrapper::Plain, Payload::Known(ty.clone())),
        Some(Reply::Value(wrapper, ty)) => (*wrapper, Payload::Known(ty.clone())),
    };
    let payload = match (Arguments::of(signature), payload) {
        // A catalogue that does not know the arguments does not know the reply either.
        (Arguments::Unknown, Payload::Known(Type::Runtime("Value"))) => Payload::Unknown,
        (_, payload) => payload,
    };
    match CallKind::of(dispatch, upstream) {
        CallKind::Mute => CallModel::Mute,
        CallKind::Unary => CallModel::Unary(wrapper, payload),
        CallKind::Streaming if matches!(reply, Some(Reply::Guard)) => CallModel::Guard,
        CallKind::Streaming => CallModel::Stream(payload),
        CallKind::Session => {
            let (sent, received) = match reply {
                Some(Reply::Session(sent, received)) => (Some(sent), Some(received)),
                _ => (None, None),
            };
            let stem = naming::camel(name, "Method");
            let tx = side::merge(dispatch, sent, &stem, wire, context);
            let rx = side::merge(upstream, received, &format!("{stem}Reply"), wire, context);
            CallModel::Session { tx, rx }
        }
    }
}

fn report_disagreement(
    wire: &str,
    dispatch: &Tree,
    upstream: &Tree,
    signature: &Signature,
    context: &mut MergeContext<'_>,
) {
    context.diagnostics.problems.push(Problem::Disagreement {
        service: context.service.to_owned(),
        method: wire.to_owned(),
        place: signature.place.clone(),
        catalogue: signature.reply.describe(),
        graph: side::describe(dispatch, upstream),
    });
}

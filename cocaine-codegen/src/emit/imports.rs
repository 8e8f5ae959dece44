//! The names that a module takes from the runtime: those that its items use, and no more.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;

use super::declared::has_optional_tail;
use crate::{
    catalogue::{DeclaredType, TypeForm, types::Type},
    model::{Arguments, CallModel, Payload, ServiceModel, SideModel, StateModel},
    naming::ident,
};

/// Returns the `use` declarations for the items of `service`.
pub(super) fn imports(service: &ServiceModel) -> TokenStream {
    let mut used = UsedNames::default();
    used.add(&["Call", "Caller", "Dispatch", "Service", "ServiceClient", "ServiceSpec"]);
    for method in &service.methods {
        used.add(&["MethodSpec", "OnDrop", "Result", "TreeSpec"]);
        used.arguments(&method.arguments);
        used.shape(&method.shape);
    }
    for own in &service.types {
        used.own(own);
    }
    let names = used.names.iter().map(|name| ident(name));
    let map = used.map.then(|| {
        quote!(
            use ::std::collections::BTreeMap;
        )
    });
    quote!(use ::cocaine::bind::{#(#names),*}; #map)
}

#[derive(Default)]
struct UsedNames {
    names: BTreeSet<&'static str>,
    /// `BTreeMap` is not the runtime's.
    map: bool,
}

impl UsedNames {
    fn add(&mut self, names: &[&'static str]) {
        self.names.extend(names);
    }

    fn arguments(&mut self, arguments: &Arguments) {
        let Arguments::Known(arguments) = arguments else {
            return self.add(&["Args", "Serialize"]);
        };
        for argument in arguments {
            self.ty(&argument.ty);
            if argument.lossy {
                self.add(&["Lossy"]);
            }
        }
    }

    fn ty(&mut self, ty: &Type) {
        match ty {
            Type::Slice(inner) | Type::Ref(inner) | Type::Option(inner) | Type::Vec(inner) => self.ty(inner),
            Type::Map(key, value) => {
                self.map = true;
                self.ty(key);
                self.ty(value);
            }
            Type::Tuple(items) => items.iter().for_each(|item| self.ty(item)),
            Type::Runtime(name) => self.add(&[name]),
            Type::Str | Type::Plain(_) | Type::Declared(_) | Type::Path(_) => {}
        }
    }

    fn own(&mut self, own: &DeclaredType) {
        self.add(&["Deserialize", "Deserializer", "Result", "Serialize", "Serializer"]);
        match &own.form {
            TypeForm::Newtype(ty) => self.ty(ty),
            TypeForm::Struct { fields, flat } => {
                for field in fields {
                    self.ty(&field.ty);
                }
                if !flat {
                    self.add(&["One"]);
                }
                if has_optional_tail(fields) {
                    self.add(&["Short"]);
                }
            }
            TypeForm::Numbers { .. } => {}
        }
    }

    fn shape(&mut self, shape: &CallModel) {
        match shape {
            CallModel::Mute => {}
            CallModel::Unary(pack, payload) => {
                self.names.extend(pack.name());
                self.received(payload);
            }
            CallModel::Guard => self.add(&["Guard"]),
            CallModel::Stream(payload) => {
                self.add(&["Receiver", "Stream"]);
                self.received(payload);
            }
            CallModel::Session { tx, rx } => {
                self.add(&["Duplex"]);
                self.half(tx);
                self.half(rx);
            }
        }
    }

    fn received(&mut self, payload: &Payload) {
        match payload {
            Payload::Known(ty) => self.ty(ty),
            Payload::Unknown => self.add(&["DeserializeOwned", "Value"]),
        }
    }

    /// Adds what both sides of a session need: what one of them sends, the other receives.
    fn half(&mut self, half: &SideModel) {
        match half {
            SideModel::End => self.add(&["End"]),
            SideModel::Root => self.add(&["DynReceiver", "DynSender"]),
            SideModel::Stream(payload) => {
                self.add(&["Receiver", "Sender"]);
                self.payload(payload);
            }
            SideModel::Reply(payload) => {
                self.add(&["Reply", "ReplySender"]);
                self.payload(payload);
            }
            SideModel::States(states) => self.states(states),
        }
    }

    fn payload(&mut self, payload: &Payload) {
        match payload {
            Payload::Known(ty) => self.ty(ty),
            Payload::Unknown => self.add(&["Args", "Value"]),
        }
    }

    fn states(&mut self, states: &[StateModel]) {
        self.add(&["DynReceiver", "DynSender"]);
        for message in states.iter().flat_map(|state| &state.messages) {
            self.arguments(&message.arguments);
        }
    }
}

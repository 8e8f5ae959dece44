//! The `use` declarations: exactly the names of the runtime that the items use.

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
        used.add_arguments(&method.arguments);
        used.add_call(&method.shape);
    }
    for declared in &service.types {
        used.add_declared(declared);
    }
    let names = used.names.iter().map(|name| ident(name));
    let map = used.map.then(|| {
        quote! { use ::std::collections::BTreeMap; }
    });
    quote!(use ::cocaine::bind::{#(#names),*}; #map)
}

#[derive(Default)]
struct UsedNames {
    names: BTreeSet<&'static str>,
    /// Whether `BTreeMap` is used, which is a name of std.
    map: bool,
}

impl UsedNames {
    fn add(&mut self, names: &[&'static str]) {
        self.names.extend(names);
    }

    fn add_arguments(&mut self, arguments: &Arguments) {
        let Arguments::Known(arguments) = arguments else {
            return self.add(&["Args", "Serialize"]);
        };
        for argument in arguments {
            self.add_type(&argument.ty);
            if argument.is_lossy {
                self.add(&["LossyStr"]);
            }
        }
    }

    fn add_type(&mut self, ty: &Type) {
        match ty {
            Type::Slice(inner) | Type::Ref(inner) | Type::Option(inner) | Type::Vec(inner) => {
                self.add_type(inner);
            }
            Type::Map(key, value) => {
                self.map = true;
                self.add_type(key);
                self.add_type(value);
            }
            Type::Tuple(items) => items.iter().for_each(|item| self.add_type(item)),
            Type::Runtime(name) => self.add(&[name]),
            Type::Str | Type::Plain(_) | Type::Declared(_) | Type::Path(_) => {}
        }
    }

    fn add_declared(&mut self, declared: &DeclaredType) {
        self.add(&["Deserialize", "Deserializer", "Result", "Serialize", "Serializer"]);
        match &declared.form {
            TypeForm::Newtype(ty) => self.add_type(ty),
            TypeForm::Struct { fields, flat } => {
                for field in fields {
                    self.add_type(&field.ty);
                }
                if !flat {
                    self.add(&["SingleArgument"]);
                }
                if has_optional_tail(fields) {
                    self.add(&["OptionalTail"]);
                }
            }
            TypeForm::Numbers { .. } => {}
        }
    }

    fn add_call(&mut self, shape: &CallModel) {
        match shape {
            CallModel::Mute => {}
            CallModel::Unary(pack, payload) => {
                self.names.extend(pack.name());
                self.add_received(payload);
            }
            CallModel::Guard => self.add(&["Guard"]),
            CallModel::Stream(payload) => {
                self.add(&["Receiver", "Stream"]);
                self.add_received(payload);
            }
            CallModel::Session { tx, rx } => {
                self.add(&["Duplex"]);
                self.add_side(tx);
                self.add_side(rx);
            }
        }
    }

    fn add_received(&mut self, payload: &Payload) {
        match payload {
            Payload::Known(ty) => self.add_type(ty),
            Payload::Unknown => self.add(&["DeserializeOwned", "Value"]),
        }
    }

    /// Adds the names for both halves of a direction: the one that sends and the one that receives.
    fn add_side(&mut self, side: &SideModel) {
        match side {
            SideModel::End => self.add(&["End"]),
            SideModel::Root => self.add(&["DynReceiver", "DynSender"]),
            SideModel::Stream(payload) => {
                self.add(&["Receiver", "Sender"]);
                self.add_payload(payload);
            }
            SideModel::Reply(payload) => {
                self.add(&["Reply", "ReplySender"]);
                self.add_payload(payload);
            }
            SideModel::States(states) => self.add_states(states),
        }
    }

    fn add_payload(&mut self, payload: &Payload) {
        match payload {
            Payload::Known(ty) => self.add_type(ty),
            Payload::Unknown => self.add(&["Args", "Value"]),
        }
    }

    fn add_states(&mut self, states: &[StateModel]) {
        self.add(&["DynReceiver", "DynSender"]);
        for message in states.iter().flat_map(|state| &state.messages) {
            self.add_arguments(&message.arguments);
        }
    }
}

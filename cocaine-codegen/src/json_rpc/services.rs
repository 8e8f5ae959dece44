//! Services, as the catalogue describes them.

use super::{
    Direction, IntegerType, Interface, JsonDefinition, JsonType, MapKeys, MethodResult, NamedNumber, Param,
    Params, RpcMethod, RpcModel, TupleType,
    names::{Item, ItemNames, lower_camel, member_names, type_names, variable_names},
};
use crate::{
    catalogue::{Argument, DeclaredType, ReplyWrapper, TypeForm, types::Type},
    model::{Arguments, CallModel, MethodModel, Payload, ServiceModel},
    naming,
};

/// Returns what the items of a service would like to be called.
pub(super) fn wanted_names(service: &ServiceModel) -> Vec<(Item, Vec<String>)> {
    let client = &service.names.client;
    let camel = naming::camel(&service.wire_name, "Service");
    let types = service.types.iter().map(|declared| {
        (Item::Type(declared.name.clone(), Direction::Received), type_names(&declared.name, &camel, ""))
    });
    [(Item::Client, vec![client.clone(), format!("Service{client}")])].into_iter().chain(types).collect()
}

/// Adds a service to the model.
pub(super) fn add(service: &ServiceModel, names: &ItemNames, model: &mut RpcModel) {
    let types = ServiceTypes { names };
    model.definitions.extend(service.types.iter().map(|declared| types.definition(declared)));
    let mut interface = Interface {
        wire_name: service.wire_name.clone(),
        client: names[&Item::Client].clone(),
        docs: service.docs.clone(),
        methods: Vec::new(),
        omitted: Vec::new(),
    };
    let mut called = Vec::new();
    for method in &service.methods {
        match omission(service, method) {
            Some(reason) => interface.omitted.push((method.wire_name.clone(), reason)),
            None => called.push(method),
        }
    }
    let wanted = called.iter().map(|method| lower_camel(&method.name, "method"));
    let methods = called.iter().zip(member_names(wanted));
    interface.methods = methods.map(|(method, member)| types.method(method, member)).collect();
    model.interfaces.push(interface);
}

/// Returns why JSON-RPC cannot call a method as one with a result.
fn omission(service: &ServiceModel, method: &MethodModel) -> Option<&'static str> {
    match method.shape {
        _ if service.wire_name.contains('.') || service.wire_name.is_empty() => {
            Some("the name of the service has a dot")
        }
        _ if method.wire_name.is_empty() => Some("it has no name"),
        CallModel::Guard => Some("it holds something until the caller ends it"),
        CallModel::Session { .. } => Some("it is a conversation"),
        CallModel::Mute | CallModel::Unary(..) | CallModel::Stream(_) => None,
    }
}

/// Turns the types of a catalogue into types of JSON.
struct ServiceTypes<'a> {
    names: &'a ItemNames,
}

impl ServiceTypes<'_> {
    fn method(&self, method: &MethodModel, member: String) -> RpcMethod {
        let result = match &method.shape {
            CallModel::Unary(wrapper, Payload::Known(ty)) => match (wrapper, ty) {
                (_, Type::Tuple(items)) if items.is_empty() => MethodResult::Nothing(JsonType::tuple([])),
                (wrapper, ty) => MethodResult::Value(self.reply(*wrapper, ty)),
            },
            CallModel::Unary(_, Payload::Unknown) => MethodResult::Value(JsonType::Value),
            CallModel::Stream(Payload::Known(ty)) => {
                MethodResult::Stream(self.reply(ReplyWrapper::Plain, ty))
            }
            CallModel::Stream(Payload::Unknown) => MethodResult::Stream(JsonType::Value),
            CallModel::Mute | CallModel::Guard | CallModel::Session { .. } => {
                MethodResult::Nothing(JsonType::Null)
            }
        };
        let params = match &method.arguments {
            Arguments::Known(arguments) => Params::Positional(self.params(arguments)),
            Arguments::Unknown => Params::Unknown,
        };
        RpcMethod {
            wire_name: method.wire_name.clone(),
            name: member,
            docs: method.docs.clone(),
            params,
            input: None,
            result,
            error: None,
        }
    }

    /// Returns the arguments. Those at the end that are optional are left out, since nil is a value.
    fn params(&self, arguments: &[Argument]) -> Vec<Param> {
        let is_optional = |argument: &&Argument| matches!(argument.ty, Type::Option(_));
        let optional = arguments.iter().rev().take_while(is_optional).count();
        let required = arguments.len() - optional;
        let names = variable_names(arguments.iter().map(|argument| lower_camel(&argument.name, "argument")));
        let params = arguments.iter().zip(names).enumerate().map(|(index, (argument, name))| {
            let ty = match &argument.ty {
                Type::Option(of) if index >= required => self.ty(of),
                ty => self.ty(ty),
            };
            Param { wire_name: argument.name.clone(), name, ty, is_required: index < required }
        });
        params.collect()
    }

    /// Returns what the arguments of an answer are: the only one, or a list of all.
    fn reply(&self, wrapper: ReplyWrapper, ty: &Type) -> JsonType {
        match wrapper {
            ReplyWrapper::Plain => self.ty(ty),
            ReplyWrapper::FlaggedOption | ReplyWrapper::FlaggedResult => {
                JsonType::tuple([JsonType::Boolean, self.ty(ty)])
            }
            // A flat list of one element is that element.
            ReplyWrapper::MaybeFlatVec => {
                JsonType::any_of([JsonType::List(Box::new(self.ty(ty))), self.ty(ty)])
            }
        }
    }

    fn ty(&self, ty: &Type) -> JsonType {
        match ty {
            Type::Str | Type::Plain("String") => JsonType::Text,
            Type::Plain("bool") => JsonType::Boolean,
            Type::Plain("f32" | "f64") => JsonType::Float,
            Type::Plain(name) => integer(name),
            Type::Slice(of) | Type::Vec(of) => JsonType::List(Box::new(self.ty(of))),
            Type::Ref(of) => self.ty(of),
            Type::Option(of) => self.ty(of).or_null(),
            Type::Map(key, value) => match self.ty(key) {
                JsonType::Text => JsonType::Map(MapKeys::Text, Box::new(self.ty(value))),
                key => JsonType::MapForm(Box::new(key), Box::new(self.ty(value))),
            },
            Type::Tuple(items) if items.is_empty() => JsonType::Null,
            Type::Tuple(items) => JsonType::tuple(items.iter().map(|item| self.ty(item))),
            Type::Runtime(name) => runtime(name),
            Type::Declared(name) => {
                let item = Item::Type(name.clone(), Direction::Received);
                self.names.get(&item).cloned().map_or(JsonType::Value, JsonType::Named)
            }
            Type::Path(_) => JsonType::Value,
        }
    }

    fn definition(&self, declared: &DeclaredType) -> JsonDefinition {
        let (ty, numbers) = match &declared.form {
            TypeForm::Newtype(of) => (self.ty(of), Vec::new()),
            TypeForm::Struct { fields, flat } => {
                let fields: Vec<_> = fields.iter().map(|field| (&*field.name, &field.ty)).collect();
                (self.array_of_fields(&fields, *flat), Vec::new())
            }
            TypeForm::Numbers { repr, numbers } => {
                let numbers = numbers.iter().map(|number| NamedNumber {
                    name: number.name.clone(),
                    docs: number.docs.clone(),
                    value: number.value,
                });
                (integer(repr), numbers.collect())
            }
        };
        JsonDefinition {
            name: self.names[&Item::Type(declared.name.clone(), Direction::Received)].clone(),
            origin: declared.name.clone(),
            docs: declared.docs.clone(),
            ty,
            direction: Direction::Received,
            numbers,
        }
    }

    /// Returns the list of a struct's fields. Options at its end may be missing; a flat one that has a single value left is
    /// that value.
    fn array_of_fields(&self, fields: &[(&str, &Type)], flat: bool) -> JsonType {
        let optional = fields.iter().rev().take_while(|(_, ty)| matches!(ty, Type::Option(_))).count();
        let required = fields.len() - optional;
        let items: Vec<_> =
            fields.iter().map(|(name, ty)| (Some(lower_camel(name, "field")), self.ty(ty))).collect();
        let first = items.first().map(|(_, ty)| ty.clone());
        let tuple = JsonType::Tuple(TupleType { items, required });
        match first.filter(|_| flat && required <= 1) {
            Some(first) => JsonType::any_of([tuple, first]),
            None => tuple,
        }
    }
}

/// Returns an integer, which has no form as a text: nothing says in a value without a schema that it is one.
fn integer(name: &str) -> JsonType {
    JsonType::Integer(IntegerType::new(name, false))
}

/// Returns what a type of the runtime is.
fn runtime(name: &str) -> JsonType {
    let endpoint = || JsonType::tuple([JsonType::Text, integer("u16")]);
    match name {
        "Args" => JsonType::List(Box::new(JsonType::Value)),
        "Bytes" => JsonType::RawBytes,
        "Endpoint" => endpoint(),
        "Scalar" => JsonType::any_of([JsonType::Boolean, JsonType::Float, JsonType::RawBytes]),
        "ServiceInfo" => {
            JsonType::tuple([JsonType::List(Box::new(endpoint())), integer("u64"), JsonType::Value])
        }
        "Severity" => integer("i32"),
        _ => JsonType::Value,
    }
}

//! The parameters of an event that is called by its name, as the chunks that its worker reads.

use crate::{
    protocol::msgpack,
    schema::{AppSchema, ArgumentSchema, EventSchema, Type},
    wire::{bytes::Bytes, value::Value},
};

use super::conversion::{Conversion, ConversionDirection, Misfit};

/// The name under which the items of an input stream stand among the parameters.
pub const INPUT: &str = "$input";

/// Parameters that do not fit an event. The text names the event and the parameter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParamsError(String);

/// Returns the chunks of a call: the arguments, if the event has any, and then the items of its input stream.
///
/// # Errors
/// Parameters that do not fit the event.
pub fn encode_params(
    schema: &AppSchema,
    name: &str,
    event: &EventSchema,
    params: Option<&Value>,
) -> Result<Vec<Bytes>, ParamsError> {
    let nothing = Value::Array(Vec::new());
    let (values, items) = match params.unwrap_or(&nothing) {
        Value::Array(values) => (by_position(name, event, values)?, &[][..]),
        Value::Map(entries) => by_name(name, event, entries)?,
        _ => {
            return Err(ParamsError(
                "`params` is an array, or an object with `args` and `chunks`".to_owned(),
            ));
        }
    };
    let mut conversion = Conversion::new(schema, ConversionDirection::ToPayload);
    let mut arguments = Vec::new();
    for (argument, value) in event.arguments.iter().zip(values) {
        let converted = conversion.convert(&argument.ty, value);
        arguments.push(converted.map_err(|misfit| invalid(name, &misfit.at_name(&argument.name)))?);
    }
    let mut chunks = Vec::new();
    match <[Value; 1]>::try_from(arguments) {
        Ok([argument]) => chunks.push(encode(&event.arguments[0].ty, argument)?),
        Err(arguments) if arguments.is_empty() => {}
        Err(arguments) => chunks.push(encode(&Type::Any, Value::Array(arguments))?),
    }
    for (index, item) in items.iter().enumerate() {
        let ty = event.input.as_ref().unwrap_or(&Type::Any);
        let converted = conversion.convert(ty, item);
        let item = converted.map_err(|misfit| invalid(name, &misfit.at_index(index).at_name(INPUT)))?;
        chunks.push(encode(ty, item)?);
    }
    Ok(chunks)
}

fn invalid(event: &str, misfit: &Misfit) -> ParamsError {
    ParamsError(format!("{event}: {misfit}"))
}

/// Encodes a chunk. Bytes that are all of it are the chunk.
fn encode(ty: &Type, value: Value) -> Result<Bytes, ParamsError> {
    match (ty, value) {
        (Type::Bytes, Value::Raw(bytes)) => Ok(bytes),
        (_, value) => {
            msgpack::to_vec(&value).map(Bytes::from).map_err(|error| ParamsError(error.to_string()))
        }
    }
}

fn by_position<'v>(
    name: &str,
    event: &EventSchema,
    values: &'v [Value],
) -> Result<Vec<&'v Value>, ParamsError> {
    if values.len() > event.arguments.len() {
        let (found, expected) = (values.len(), known(event));
        return Err(ParamsError(format!("{name}: {found} arguments were sent, it takes {expected}")));
    }
    let argument = |(index, argument)| values.get(index).map_or_else(|| missing(name, argument), Ok);
    event.arguments.iter().enumerate().map(argument).collect()
}

/// Returns the arguments in their order, and the items of the input stream.
fn by_name<'v>(
    name: &str,
    event: &EventSchema,
    entries: &'v [(Value, Value)],
) -> Result<(Vec<&'v Value>, &'v [Value]), ParamsError> {
    let mut values: Vec<Option<&Value>> = vec![None; event.arguments.len()];
    let mut items = &[][..];
    for (key, value) in entries {
        let key = key.as_str().unwrap_or_default();
        if key == INPUT && event.input.is_some() {
            let text = || format!("{name}: `{INPUT}` is a list of the items that the event reads");
            items = value.as_array().ok_or_else(|| ParamsError(text()))?;
            continue;
        }
        let Some(at) = event.arguments.iter().position(|argument| argument.name == key) else {
            let text = format!("{name} has no argument {:?}, it takes {}", shown(key), known(event));
            return Err(ParamsError(text));
        };
        if values[at].replace(value).is_some() {
            return Err(ParamsError(format!("{name}: `{}` is there twice", shown(key))));
        }
    }
    let argument =
        |(value, argument): (Option<&'v Value>, _)| value.map_or_else(|| missing(name, argument), Ok);
    let values = values.into_iter().zip(&event.arguments).map(argument).collect::<Result<_, _>>()?;
    Ok((values, items))
}

/// Returns the value of an argument that is not there.
fn missing<'v>(name: &str, argument: &ArgumentSchema) -> Result<&'v Value, ParamsError> {
    match argument.ty {
        Type::Option(_) | Type::Unit => Ok(&Value::Nil),
        ref ty => {
            let text = format!(
                "{name}: the argument `{}` is missing, of the type {}",
                shown(&argument.name),
                shown(&ty.to_string())
            );
            Err(ParamsError(text))
        }
    }
}

/// Lists what an event takes.
fn known(event: &EventSchema) -> String {
    let mut names: Vec<_> = event.arguments.iter().take(32).map(|argument| shown(&argument.name)).collect();
    if names.len() < event.arguments.len() {
        names.push("…");
    }
    if event.input.is_some() {
        names.push(INPUT);
    }
    if names.is_empty() { "no arguments".to_owned() } else { names.join(", ") }
}

fn shown(name: &str) -> &str {
    &name[..name.floor_char_boundary(80)]
}

#[cfg(test)]
mod tests;

//! Types.

use std::fmt::Write as _;

use super::text::{doc_comment, inline_comment, literal, property};
use crate::json_rpc::{
    Alternative, DeclaredError, Direction, ErrorType, JsonDefinition, JsonType, NamedNumber, ObjectType,
    TupleType,
};

/// The longest list whose length is part of its type.
const LONGEST_ARRAY: usize = 16;

/// The longest text of a type that is repeated for such a list.
const LONGEST_ITEM: usize = 40;

/// Prints types.
#[derive(Clone, Copy)]
pub(super) struct Printer {
    /// Whether lists and maps may be those that nobody may change: in what is sent.
    pub(super) is_readonly: bool,
}

/// Returns the declaration of a type.
pub(super) fn definition(definition: &JsonDefinition) -> String {
    let JsonDefinition { name, docs, ty, direction, numbers, .. } = definition;
    let printer = Printer { is_readonly: *direction == Direction::Sent };
    let docs = doc_comment(docs, "");
    match ty {
        _ if !numbers.is_empty() => {
            format!("{docs}export type {name} = number;\n\n{}", constants(name, numbers))
        }
        JsonType::Object(object) if object.parts.is_empty() => {
            format!("{docs}export interface {name} {}\n", printer.block(object))
        }
        JsonType::Union(alternatives) if alternatives.len() > 1 => {
            format!("{docs}export type {name} =\n{};\n", printer.alternatives(alternatives))
        }
        ty => format!("{docs}export type {name} = {};\n", printer.print(ty)),
    }
}

/// Returns the numbers of a type by name.
fn constants(name: &str, numbers: &[NamedNumber]) -> String {
    let mut text = format!("export const {name} = {{\n");
    for NamedNumber { name, docs, value } in numbers {
        text.push_str(&doc_comment(docs, "  "));
        let _ = writeln!(text, "  {}: {value},", property(name));
    }
    text + "} as const;\n"
}

/// Returns the type of declared errors, and the function that recognizes them.
pub(super) fn error(error: &ErrorType) -> String {
    let ErrorType { name, docs, variants } = error;
    let alternatives = variants.iter().map(|DeclaredError { name, docs, .. }| Alternative {
        docs: docs.clone(),
        ty: JsonType::Literal(name.clone()),
    });
    let names = Printer { is_readonly: true }.alternatives(&alternatives.collect::<Vec<_>>());
    let names = if variants.is_empty() { "  never".to_owned() } else { names };
    let mut table = String::new();
    for DeclaredError { name, category, code, .. } in variants {
        let _ = write!(table, "\n    [{}, {category}, {code}],", literal(name));
    }
    format!(
        "{docs}export type {name} = CocaineError & {{ readonly name: {name}Name }};\n\n\
         /** The names of `{name}`. */\nexport type {name}Name =\n{names};\n\n\
         /** Returns whether an error is one that `{name}` has the names of. */\n\
         export function is{name}(error: unknown): error is {name} {{\n  \
           const declared: readonly (readonly [string, number, number])[] = [{table}\n  ];\n  \
           return (\n    error instanceof CocaineError &&\n    declared.some(\n      \
             ([name, category, code]) => error.name === name && error.category === category && error.code === code,\n    \
           )\n  );\n}}\n",
        docs = doc_comment(docs, "")
    )
}

impl Printer {
    /// Returns a type in one line.
    pub(super) fn print(self, ty: &JsonType) -> String {
        match ty {
            JsonType::Value => "Value".to_owned(),
            JsonType::Null => "null".to_owned(),
            JsonType::Boolean => "boolean".to_owned(),
            JsonType::Integer(integer) if integer.has_text_form => "Integer64".to_owned(),
            JsonType::Integer(_) => "number".to_owned(),
            JsonType::Float => "Float".to_owned(),
            JsonType::Text | JsonType::Character => "string".to_owned(),
            JsonType::Base64 => "Base64".to_owned(),
            JsonType::RawBytes => "RawBytes".to_owned(),
            JsonType::Literal(text) => literal(text),
            JsonType::Nullable(of) => format!("{} | null", self.print(of)),
            JsonType::List(of) => self.list(&self.operand(of)),
            JsonType::Array(of, len) => self.array(of, *len),
            JsonType::Tuple(tuple) => self.tuple(tuple),
            JsonType::Map(_, of) => format!("{{ {}[name: string]: {} }}", self.readonly(), self.print(of)),
            JsonType::Pairs(key, value) => self.pairs(key, value),
            JsonType::MapForm(key, value) => {
                format!("{{ $map: {} }} | {{ [name: string]: never }}", self.pairs(key, value))
            }
            JsonType::Object(object) => self.object(object),
            JsonType::Union(alternatives) if alternatives.is_empty() => "never".to_owned(),
            JsonType::Union(alternatives) => {
                let types: Vec<_> =
                    alternatives.iter().map(|alternative| self.print(&alternative.ty)).collect();
                types.join(" | ")
            }
            JsonType::Named(name) => name.clone(),
        }
    }

    /// Returns a type in parentheses where an operator behind it would be read as a part of it.
    fn operand(self, ty: &JsonType) -> String {
        let text = self.print(ty);
        let is_compound = match ty {
            JsonType::Nullable(_) | JsonType::MapForm(..) => true,
            JsonType::Union(alternatives) => !alternatives.is_empty(),
            JsonType::Object(object) => !object.parts.is_empty(),
            JsonType::List(_) | JsonType::Array(..) | JsonType::Tuple(_) | JsonType::Pairs(..) => {
                self.is_readonly
            }
            _ => false,
        };
        if is_compound { format!("({text})") } else { text }
    }

    fn readonly(self) -> &'static str {
        if self.is_readonly { "readonly " } else { "" }
    }

    fn list(self, item: &str) -> String {
        format!("{}{item}[]", self.readonly())
    }

    fn pairs(self, key: &JsonType, value: &JsonType) -> String {
        let pair = format!("{}[{}, {}]", self.readonly(), self.print(key), self.print(value));
        self.list(&if self.is_readonly { format!("({pair})") } else { pair })
    }

    /// Returns a list of a fixed length, which is in the type only as far as that remains readable.
    fn array(self, of: &JsonType, len: usize) -> String {
        let item = self.print(of);
        if len <= LONGEST_ARRAY && item.len() <= LONGEST_ITEM {
            return format!("{}[{}]", self.readonly(), vec![item; len].join(", "));
        }
        self.list(&self.operand(of))
    }

    fn tuple(self, tuple: &TupleType) -> String {
        let items = tuple.items.iter().enumerate().map(|(index, (name, ty))| {
            let optional = if index < tuple.required { "" } else { "?" };
            match name {
                Some(name) => format!("{name}{optional}: {}", self.print(ty)),
                None if optional.is_empty() => self.print(ty),
                None => format!("{}{optional}", self.operand(ty)),
            }
        });
        format!("{}[{}]", self.readonly(), items.collect::<Vec<_>>().join(", "))
    }

    /// Returns an object in one line.
    fn object(self, object: &ObjectType) -> String {
        let mut members: Vec<_> = object
            .properties
            .iter()
            .map(|of| {
                let optional = if of.is_required { "" } else { "?" };
                format!(
                    "{}{}{optional}: {}",
                    inline_comment(&of.docs),
                    property(&of.name),
                    self.print(&of.ty)
                )
            })
            .collect();
        members.extend(self.rest(object));
        let own = if members.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", members.join("; ")) };
        let mut types = if object.parts.is_empty() || !members.is_empty() { vec![own] } else { Vec::new() };
        types.extend(object.parts.iter().map(|part| {
            if part.is_optional {
                format!("Partial<{}>", self.print(&part.ty))
            } else {
                self.operand(&part.ty)
            }
        }));
        types.join(" & ")
    }

    /// Returns an object with a line for each member.
    fn block(self, object: &ObjectType) -> String {
        if object.properties.is_empty() && object.rest.is_none() {
            return "{}".to_owned();
        }
        let mut text = String::from("{\n");
        for of in &object.properties {
            let optional = if of.is_required { "" } else { "?" };
            text.push_str(&doc_comment(&of.docs, "  "));
            let _ = writeln!(text, "  {}{optional}: {};", property(&of.name), self.print(&of.ty));
        }
        if let Some(rest) = self.rest(object) {
            let _ = writeln!(text, "  {rest};");
        }
        text + "}"
    }

    /// Returns the member for all further properties. Beside others its type is unknown, since it is that of all of them.
    fn rest(self, object: &ObjectType) -> Option<String> {
        let rest = object.rest.as_ref()?;
        let is_alone = object.properties.is_empty() && object.parts.is_empty();
        let ty = if is_alone { self.print(rest) } else { "unknown".to_owned() };
        Some(format!("{}[name: string]: {ty}", self.readonly()))
    }

    /// Returns the types of a union, in a line each.
    fn alternatives(self, alternatives: &[Alternative]) -> String {
        let lines = alternatives.iter().map(|Alternative { docs, ty }| {
            let text = if let JsonType::Object(_) = ty { self.operand(ty) } else { self.print(ty) };
            format!("{}  | {text}", doc_comment(docs, "  "))
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

//! The schema of an app as text to read.

use std::fmt::{self, Write as _};

use cocaine::schema::{
    AppSchema, ArgumentSchema, Content, Definition, EnumDefinition, ErrorDefinition, EventKind, EventOutput,
    EventSchema, Field, Presence, Shape, Tagging, Type,
};

use crate::naming::shown;

/// Writes what an app offers: its events, the errors that they declare, and the types that they use.
pub(super) fn dump_app(text: &mut String, name: &str, schema: &AppSchema) {
    let _ = writeln!(text, "{}, app", shown(name));
    for (name, event) in &schema.events {
        let _ = writeln!(text, "  {}{}", shown(name), EventText(event));
    }
    match schema.fallback {
        None => {}
        Some(EventKind::Http) => text.push_str("  any other event: HTTP\n"),
        Some(_) => text.push_str("  any other event: a call\n"),
    }
    for (name, errors) in &schema.errors {
        dump_errors(text, name, errors);
    }
    for (name, definition) in &schema.types {
        dump_definition(text, name, definition);
    }
}

/// What an event takes and answers, on one line.
struct EventText<'s>(&'s EventSchema);

impl fmt::Display for EventText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(event) = self;
        if event.kind == EventKind::Http {
            return f.write_str(": HTTP");
        }
        f.write_str("(")?;
        for (index, ArgumentSchema { name, ty }) in event.arguments.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}: {}", shown(name), type_text(ty))?;
        }
        f.write_str(")")?;
        if let Some(input) = &event.input {
            write!(f, ", then a stream of {}", type_text(input))?;
        }
        match &event.output {
            EventOutput::Reply(Type::Unit) => {}
            EventOutput::Reply(ty) => write!(f, " -> {}", type_text(ty))?,
            EventOutput::Stream(ty) => write!(f, " -> stream of {}", type_text(ty))?,
        }
        event.error.iter().try_for_each(|error| write!(f, ", or an error of {}", shown(error)))
    }
}

fn type_text(ty: &Type) -> String {
    shown(&ty.to_string())
}

fn dump_errors(text: &mut String, name: &str, errors: &ErrorDefinition) {
    let _ = writeln!(text, "  errors {}", shown(name));
    for variant in &errors.variants {
        let _ = writeln!(text, "    {} [{}, {}]", shown(&variant.name), variant.category, variant.code);
    }
}

fn dump_definition(text: &mut String, name: &str, definition: &Definition) {
    let name = shown(name);
    let _ = match &definition.shape {
        Shape::UnitStruct => writeln!(text, "  type {name}: an empty array"),
        Shape::Newtype(of) => writeln!(text, "  type {name}: {}", type_text(of)),
        Shape::TupleStruct(types) => {
            writeln!(text, "  type {name}: {}", type_text(&Type::Tuple(types.clone())))
        }
        Shape::Struct(definition) => {
            let strict = if definition.deny_unknown_fields { ", and no other" } else { "" };
            let _ = writeln!(text, "  type {name}: fields{strict}");
            dump_fields(text, 4, &definition.fields);
            Ok(())
        }
        Shape::Enum(definition) => {
            let _ = writeln!(text, "  type {name}: one of, {}", tagging_text(&definition.tagging));
            dump_variants(text, definition);
            Ok(())
        }
        _ => writeln!(text, "  type {name}"),
    };
}

fn tagging_text(tagging: &Tagging) -> String {
    match tagging {
        Tagging::External => "by name".to_owned(),
        Tagging::Internal { tag } => format!("by `{}`", shown(tag)),
        Tagging::Adjacent { tag, content } => format!("by `{}` beside `{}`", shown(tag), shown(content)),
        Tagging::Untagged => "by content".to_owned(),
    }
}

fn dump_variants(text: &mut String, definition: &EnumDefinition) {
    for variant in &definition.variants {
        let _ = write!(text, "    {}", shown(&variant.name));
        if variant.other {
            text.push_str(", for any other name");
        }
        dump_presence(text, variant.written, variant.read);
        dump_aliases(text, &variant.aliases);
        match &variant.content {
            Content::Unit => text.push('\n'),
            Content::Newtype(of) => drop(writeln!(text, ": {}", type_text(of))),
            Content::Tuple(types) => drop(writeln!(text, ": {}", type_text(&Type::Tuple(types.clone())))),
            Content::Struct(fields) => {
                text.push_str(": fields\n");
                dump_fields(text, 6, fields);
            }
        }
    }
}

fn dump_fields(text: &mut String, indent: usize, fields: &[Field]) {
    for field in fields {
        dump_field(text, indent, field);
    }
}

fn dump_field(text: &mut String, indent: usize, field: &Field) {
    let _ = write!(text, "{:indent$}{}: {}", "", shown(&field.name), type_text(&field.ty));
    if field.flatten {
        text.push_str(", in its place");
    }
    dump_presence(text, field.written, field.read);
    dump_aliases(text, &field.aliases);
    text.push('\n');
}

fn dump_presence(text: &mut String, written: Presence, read: Presence) {
    text.push_str(match written {
        Presence::Always => "",
        Presence::Sometimes => ", not always written",
        Presence::Never => ", never written",
    });
    text.push_str(match read {
        Presence::Always => "",
        Presence::Sometimes => ", may be missing",
        Presence::Never => ", never read",
    });
}

fn dump_aliases(text: &mut String, aliases: &[String]) {
    for alias in aliases {
        let _ = write!(text, ", also read as {}", shown(alias));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::apps::read_app_schema;

    #[test]
    fn all_shapes() {
        let schema = r#"{"schema": 1, "fallback": "http",
            "events": {
                "page": {"kind": "http"},
                "ping": {},
                "party": {"arguments": [{"name": "a\n", "type": "text"}, {"name": "b", "type": {"option": "u8"}}],
                    "input": {"named": "A\u001b"}, "output": {"stream": {"list": "u8"}}, "error": "E"}
            },
            "errors": {"E": {"variants": [{"name": "Gone", "code": 7}]}},
            "types": {
                "A\u001b": {"shape": {"struct": {"deny_unknown_fields": true, "fields": [
                    {"name": "x", "type": "u8", "aliases": ["y"], "read": "sometimes", "written": "never"},
                    {"name": "rest", "type": {"map": ["text", "any"]}, "flatten": true}
                ]}}},
                "B": {"shape": {"enum": {"tagging": {"adjacent": {"tag": "t", "content": "c"}}, "variants": [
                    {"name": "U"}, {"name": "N", "content": {"newtype": "u8"}}, {"name": "T", "content": {"tuple": ["u8", "u8"]}},
                    {"name": "S", "content": {"struct": [{"name": "f", "type": "bool"}]}}, {"name": "O", "other": true}
                ]}}},
                "C": {"shape": {"newtype": "u8"}}, "D": {"shape": "unit_struct"}, "F": {"shape": {"tuple_struct": ["u8"]}}
            }}"#;
        let expected = r"a\n, app
  page: HTTP
  party(a\n: text, b: option<u8>), then a stream of A\u{1b} -> stream of list<u8>, or an error of E
  ping()
  any other event: HTTP
  errors E
    Gone [43, 7]
  type A\u{1b}: fields, and no other
    x: u8, never written, may be missing, also read as y
    rest: map<text, any>, in its place
  type B: one of, by `t` beside `c`
    U
    N: u8
    T: tuple<u8, u8>
    S: fields
      f: bool
    O, for any other name
  type C: u8
  type D: an empty array
  type F: tuple<u8>
";
        let mut text = String::new();
        dump_app(&mut text, "a\n", &read_app_schema(schema).unwrap());
        assert_eq!(text, expected);
    }
}

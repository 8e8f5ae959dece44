//! Metadata as text to read.

mod apps;
mod dot;

use std::fmt::Write as _;

pub use dot::dot;

use crate::{
    metadata::{
        Metadata, Method, Service,
        shape::TreeShape,
        tree::{FIRST_CONTROL, Message, Tree},
    },
    naming::shown,
};

/// Returns what the services and apps of `metadata` offer, as an indented tree.
pub fn dump(metadata: &Metadata) -> String {
    let mut texts = Vec::new();
    for (name, service) in &metadata.services {
        let mut text = String::new();
        dump_service(&mut text, name, service);
        texts.push(text);
    }
    for (name, schema) in &metadata.apps {
        let mut text = String::new();
        apps::dump_app(&mut text, name, schema);
        texts.push(text);
    }
    texts.join("\n")
}

fn dump_service(text: &mut String, name: &str, service: &Service) {
    let _ = writeln!(text, "{}, version {}", shown(name), service.version);
    for (id, Method(name, dispatch, upstream)) in &service.graph {
        let _ = write!(text, "  {id} {}", shown(name));
        if dispatch.kind() != TreeShape::End {
            text.push('\n');
            dump_side(text, "    the caller sends", dispatch);
            dump_side(text, "    the service sends", upstream);
        } else if matches!(upstream.kind(), TreeShape::Close | TreeShape::Other) {
            text.push('\n');
            dump_side(text, "    the service sends", upstream);
        } else {
            let _ = writeln!(text, ": {}", standard(upstream.kind()));
        }
    }
}

fn dump_side(text: &mut String, lead: &str, tree: &Tree) {
    if matches!(tree.kind(), TreeShape::Close | TreeShape::Other) {
        let _ = writeln!(text, "{lead}:");
        dump_messages(text, tree, 6);
    } else {
        let _ = writeln!(text, "{lead} {}", standard(tree.kind()));
    }
}

fn standard(kind: TreeShape) -> &'static str {
    match kind {
        TreeShape::End => "nothing",
        TreeShape::Primitive => "one value or an error",
        TreeShape::Streaming => "a stream",
        TreeShape::Root => "methods of the service",
        TreeShape::Close | TreeShape::Other => "messages of its own",
    }
}

fn dump_messages(text: &mut String, tree: &Tree, indent: usize) {
    let Tree::Node(messages) = tree else {
        return;
    };
    for (id, Message(name, next)) in messages {
        let control = if *id >= FIRST_CONTROL { " (control)" } else { "" };
        let then = match next {
            Tree::Recurse => ", repeatedly",
            Tree::Node(messages) if messages.is_empty() => ", and ends",
            Tree::Node(_) => ", then",
        };
        let _ = writeln!(text, "{:indent$}{id} {}{control}{then}", "", shown(name));
        dump_messages(text, next, indent + 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds() {
        let json = r#"{"a\n": {"version": 2, "graph": {
            "0": ["emit", {}, {}],
            "1": ["read", {}, {"0": ["value", {}], "1": ["error", {}]}],
            "4": ["publish", {"0": ["discard", {}], "65532": ["goaway", {}]}, {"0": ["write", null], "1": ["x", {"2": ["y", {}]}]}],
            "5": ["metrics", null, {"0": ["write", null], "1": ["error", {}], "2": ["close", {}]}]
        }}, "b": {"version": 1, "graph": {}}}"#;
        let metadata = Metadata::from_json(json).unwrap();
        let expected = "\
a\\n, version 2
  0 emit: nothing
  1 read: one value or an error
  4 publish
    the caller sends:
      0 discard, and ends
      65532 goaway (control), and ends
    the service sends:
      0 write, repeatedly
      1 x, then
        2 y, and ends
  5 metrics
    the caller sends methods of the service
    the service sends a stream

b, version 1
";
        assert_eq!(dump(&metadata), expected);
        let Method(_, dispatch, upstream) = &metadata.services["a\n"].graph[&4];
        assert_eq!(dispatch.to_line(), "{0 discard, 65532 goaway}");
        assert_eq!(upstream.to_line(), "{0 write …, 1 x {2 y}}");
    }
}

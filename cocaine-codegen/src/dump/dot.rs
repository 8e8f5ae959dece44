//! Metadata as a picture, in the language of graphviz.

use std::fmt::Write as _;

use crate::{
    metadata::{
        Metadata, Method, Service,
        shape::Side,
        tree::{FIRST_CONTROL, Message, Tree},
    },
    naming::shown,
};

/// Returns a graph for graphviz: a box for each service, in it a row of methods, behind each method the states that
/// either side comes to, and the messages that lead there.
///
/// Apps are left out: what either side of an event may send next is the same for all events.
///
/// What the caller sends is blue, what the service sends red; the two sides of a channel go on independently. Control
/// messages are dashed. A state in which nothing may follow is a double circle.
pub fn dot(metadata: &Metadata) -> String {
    let mut picture = DotWriter { text: String::from(HEADER), nodes: 0 };
    for (index, (name, service)) in metadata.services.iter().enumerate() {
        picture.service(index, name, service);
    }
    picture.text + "}\n"
}

const HEADER: &str = "\
digraph protocol {
  rankdir=LR;
  node [shape=circle, label=\"\", width=0.2];
  edge [fontsize=10];
";

struct DotWriter {
    text: String,
    /// How many nodes there are: each is called by its number, whatever names are in the metadata.
    nodes: usize,
}

impl DotWriter {
    fn node(&mut self, attributes: &str) -> usize {
        let node = self.nodes;
        self.nodes += 1;
        let _ = writeln!(self.text, "    n{node}{attributes};");
        node
    }

    fn service(&mut self, index: usize, name: &str, service: &Service) {
        let label = quoted(&format!("{}, version {}", shown(name), service.version));
        let _ = writeln!(self.text, "  subgraph cluster_{index} {{\n    label={label};");
        let root = self.node(" [shape=point]");
        for (id, method) in &service.graph {
            self.method(root, *id, method);
        }
        self.text.push_str("  }\n");
    }

    fn method(&mut self, root: usize, id: u64, Method(name, dispatch, upstream): &Method) {
        let label = quoted(&format!("{id} {}", shown(name)));
        let start = self.node(&format!(" [shape=box, label={label}]"));
        let _ = writeln!(self.text, "    n{root} -> n{start};");
        for (side, tree) in [(Side::Client, dispatch), (Side::Server, upstream)] {
            match tree {
                Tree::Recurse => {
                    let label = quoted("methods of the service");
                    let color = color(side);
                    let _ = writeln!(
                        self.text,
                        "    n{start} -> n{root} [label={label}, color={color}, fontcolor={color}];"
                    );
                }
                Tree::Node(_) => self.messages(start, side, tree),
            }
        }
    }

    /// Draws what `side` may send in the state `from`, and what follows.
    fn messages(&mut self, from: usize, side: Side, tree: &Tree) {
        let Tree::Node(messages) = tree else {
            return;
        };
        for (id, Message(name, next)) in messages {
            let to = match next {
                Tree::Recurse => from,
                next if next.is_end() => self.node(" [shape=doublecircle]"),
                Tree::Node(_) => self.node(""),
            };
            let label = quoted(&format!("{id} {}", shown(name)));
            let color = color(side);
            let style = if *id >= FIRST_CONTROL { ", style=dashed" } else { "" };
            let _ = writeln!(
                self.text,
                "    n{from} -> n{to} [label={label}, color={color}, fontcolor={color}{style}];"
            );
            self.messages(to, side, next);
        }
    }
}

fn color(side: Side) -> &'static str {
    match side {
        Side::Client => "blue",
        Side::Server => "red",
    }
}

/// Returns `text` as a quoted string that is shown as it is: graphviz reads escapes and entities in labels.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '&' => quoted.push_str("&amp;"),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_quotes() {
        for (text, expected) in [
            ("read", r#""read""#),
            (r#"a" ]; x [y=""#, r#""a\" ]; x [y=\"""#),
            (r"\N\", r#""\\N\\""#),
            ("&amp;<b>", r#""&amp;amp;<b>""#),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}

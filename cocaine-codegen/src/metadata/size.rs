//! How much code metadata may become.
//!
//! Each state of a session becomes three types, which take 180 KB while they are formatted: a small file could describe
//! enough of them to exhaust the memory.

use super::{
    Metadata, Method,
    shape::TreeShape,
    tree::{Message, Tree},
};
use crate::error::{Error, Problem, Result};

/// The most states of both sides of a method.
const MAX_METHOD_STATES: usize = 2_048;

/// The most states of all methods of a service.
const MAX_SERVICE_STATES: usize = 4_096;

/// The most messages of both sides of a method.
const MAX_METHOD_MESSAGES: usize = 4_096;

/// The most methods and messages of a service.
const MAX_SERVICE_MESSAGES: usize = 16_384;

/// What is counted.
#[derive(Clone, Copy, Default)]
struct Size {
    states: usize,
    /// Messages, and the methods themselves.
    messages: usize,
}

impl Metadata {
    /// Fails for methods of which more code would be generated than a compiler can be given.
    pub(crate) fn check_size(&self) -> Result<()> {
        let mut problems = Vec::new();
        for (name, service) in &self.services {
            let mut total = Size::default();
            for method in service.graph.values() {
                let size = Size::of(method);
                total.add(size);
                if let Some(message) = size.excess_of_method().or_else(|| total.excess_of_service()) {
                    let (service, method) = (name.clone(), method.0.clone());
                    problems.push(Problem::Graph { service, method, message });
                    break;
                }
            }
        }
        Error::check(problems)
    }
}

impl Size {
    fn of(Method(_, dispatch, upstream): &Method) -> Self {
        let mut size = Self { states: 0, messages: 1 };
        for side in [dispatch, upstream] {
            let has_states = matches!(side.kind(), TreeShape::Close | TreeShape::Other);
            let is_constant = *side == Tree::primitive() || *side == Tree::streaming();
            let mut trees = if is_constant { Vec::new() } else { vec![side] };
            while let Some(tree) = trees.pop() {
                if let Tree::Node(messages) = tree {
                    size.states += usize::from(has_states && !tree.is_end());
                    size.messages += messages.len();
                    trees.extend(messages.values().map(|Message(_, next)| next));
                }
            }
        }
        size
    }

    fn add(&mut self, other: Self) {
        self.states += other.states;
        self.messages += other.messages;
    }

    fn excess_of_method(self) -> Option<String> {
        let Self { states, messages } = self;
        if states > MAX_METHOD_STATES {
            Some(format!("its trees have {states} states; code is generated for at most {MAX_METHOD_STATES}"))
        } else if messages > MAX_METHOD_MESSAGES {
            Some(format!(
                "its trees have {messages} messages; code is generated for at most {MAX_METHOD_MESSAGES}"
            ))
        } else {
            None
        }
    }

    fn excess_of_service(self) -> Option<String> {
        let what = if self.states > MAX_SERVICE_STATES {
            format!("{MAX_SERVICE_STATES} states")
        } else if self.messages > MAX_SERVICE_MESSAGES {
            format!("{MAX_SERVICE_MESSAGES} methods and messages")
        } else {
            return None;
        };
        Some(format!("with it, the service has more than {what}, for which code is generated at most"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::metadata::Service;

    fn node(messages: impl IntoIterator<Item = Tree>) -> Tree {
        let messages = messages.into_iter().map(|next| Message("m".to_owned(), next));
        Tree::Node((0..).zip(messages).collect())
    }

    /// Returns what is said of methods with these trees, which are named by their ids.
    fn check(trees: impl IntoIterator<Item = Tree>) -> String {
        let method = |(id, tree): (u64, Tree)| (id, Method(format!("m{id}"), tree, Tree::end()));
        let graph: BTreeMap<_, _> = (0..).zip(trees).map(method).collect();
        let services = BTreeMap::from([("a".to_owned(), Service { version: 1, graph })]);
        Metadata { services, ..Metadata::default() }
            .check_size()
            .err()
            .map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn number_of_states_and_messages_is_bounded() {
        let states = |count| node((1..count).map(|_| node([Tree::end()])));
        assert_eq!(check([states(2_048)]), "");
        assert_eq!(
            check([Tree::end(), states(2_049)]),
            "service `a`, method `m1`: its trees have 2049 states; code is generated for at most 2048"
        );
        let wide = |count| node((0..count).map(|_| Tree::end()));
        assert_eq!(check([wide(4_095)]), "");
        assert_eq!(
            check([wide(4_096)]),
            "service `a`, method `m0`: its trees have 4097 messages; code is generated for at most 4096"
        );
        assert!(
            check((0..3).map(|_| states(2_048)))
                .contains("method `m2`: with it, the service has more than 4096 states")
        );
        assert_eq!(check((0..16_384).map(|_| Tree::end())), "");
        assert!(
            check((0..16_385).map(|_| Tree::end()))
                .contains("method `m16384`: with it, the service has more than 16384 methods")
        );
    }
}

//! Random graphs, and random walks over them.

use cocaine_codegen::{FIRST_CONTROL, MAX_DEPTH, Message, Metadata, Method, Service, Tree};
use proptest::{collection, prelude::*, sample};

/// Names that are hard to turn into Rust.
const NASTY: &[&str] = &[
    "", "_", "1", "self", "Self", "crate", "fn", "gen", "type", "new", "into", "recv", "send", "args", "*/",
    "///", "\"", "\\", "\n", "\0", "{}", "]]", "[`Vec`]", "<b>", "\u{202e}", "\u{200b}", "ж", "e\u{301}",
    "🦀", "a-b", "a_b", "aB", "close", "error", "value", "write",
];

/// Ids of methods and messages: small, any, and around those of control messages.
fn ids() -> impl Strategy<Value = u64> {
    prop_oneof![6 => 0..8_u64, 1 => any::<u64>(), 1 => 65_528..65_540_u64]
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => sample::select(NASTY).prop_map(str::to_owned),
        2 => "[a-c]{1,2}",
        1 => any::<String>(),
    ]
}

/// One more than the levels that a locator can send: at most 32 containers are nested in a message, of which four are
/// around the tree, two are a level, and three may be below the last level.
const MOST_SENT: usize = 13;

/// Trees that are nested, recursive and wide, of fewer than `levels` above their last messages.
fn trees(
    names: impl Strategy<Value = String> + Clone + 'static,
    levels: usize,
) -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        4 => Just(Tree::Recurse),
        4 => Just(Tree::end()),
        1 => Just(Tree::primitive()),
        1 => Just(Tree::streaming()),
    ];
    let node = move |next: BoxedStrategy<Tree>, width: std::ops::Range<usize>| {
        let message = (names.clone(), next).prop_map(|(name, next)| Message(name, next));
        collection::btree_map(ids(), message, width).prop_map(Tree::Node)
    };
    let (wide, nested) = (node.clone(), node.clone());
    let deep = (1..levels, node(leaf.clone().boxed(), 1..4)).prop_map(|(levels, last)| {
        (1..levels).fold(last, |next, _| {
            Tree::Node(
                [(0, Message("down".to_owned(), next)), (1, Message("end".to_owned(), Tree::end()))].into(),
            )
        })
    });
    prop_oneof![
        6 => leaf.clone().prop_recursive(5, 40, 5, move |inner| nested(inner.boxed(), 0..6)),
        1 => wide(leaf.boxed(), 15..30),
        1 => deep,
    ]
}

/// Metadata of services that nobody would write.
pub(crate) fn hostile() -> impl Strategy<Value = Metadata> {
    let names = || names().boxed();
    let method = (names(), trees(names(), MAX_DEPTH), trees(names(), MAX_DEPTH))
        .prop_map(|(name, tx, rx)| Method(name, tx, rx));
    // What is not a method is never read from a locator (`Metadata`).
    let methods = ids().prop_filter("a control message", |id| *id < FIRST_CONTROL);
    let service = (any::<u64>(), collection::btree_map(methods, method, 0..3))
        .prop_map(|(version, graph)| Service { version, graph });
    collection::btree_map(names(), service, 0..3)
        .prop_map(|services| Metadata { services, ..Metadata::default() })
}

/// One method whose messages have names of their own, and steps that make a walk of any tree.
pub(crate) fn session() -> impl Strategy<Value = (Method, Vec<Choice>)> {
    let tree = || {
        trees(Just(String::new()), MOST_SENT)
            .prop_map(|tree| if is_common(&tree) { tree } else { named(tree) })
    };
    (tree(), tree(), choices()).prop_map(|(tx, rx, choices)| (Method("open".to_owned(), tx, rx), choices))
}

/// A step of a walk: whether it keeps to the tree, and which message it takes.
pub(crate) type Choice = (bool, usize);

/// Steps that make a walk of any tree.
pub(crate) fn choices() -> impl Strategy<Value = Vec<Choice>> {
    collection::vec((prop::bool::weighted(0.85), any::<usize>()), 1..24)
}

/// Names each message by its id.
fn named(tree: Tree) -> Tree {
    match tree {
        Tree::Node(messages) => {
            let named =
                messages.into_iter().map(|(id, message)| (id, Message(format!("m{id}"), named(message.1))));
            Tree::Node(named.collect())
        }
        Tree::Recurse => Tree::Recurse,
    }
}

/// Returns whether the tree has a type of its own in the runtime, by the names of its messages.
fn is_common(tree: &Tree) -> bool {
    *tree == Tree::primitive() || *tree == Tree::streaming()
}

/// Returns the ids of a walk over `tree`: it goes on for a while after the last message, and after one that is refused.
pub(crate) fn walk(tree: &Tree, choices: &[Choice]) -> Vec<u64> {
    let mut state = tree;
    let step = |(keeps, which): &Choice| {
        let messages: Vec<_> = state.messages().collect();
        if !keeps || messages.is_empty() {
            // What lies around the ids that there are.
            return [0, 1, 2, 3, 5, 7, 65_531, 65_533, 65_535][which % 9];
        }
        let (id, message) = messages[which % messages.len()];
        if message.1 != Tree::Recurse {
            state = &message.1;
        }
        id
    };
    choices.iter().map(step).collect()
}

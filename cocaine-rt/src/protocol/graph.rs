//! The graph that a service announces: its methods, and the messages that each side of a call may send (`protocol.md` 4).

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
    ser::SerializeMap,
};

/// The first id of the control messages, which are never methods (`protocol.md` 4.2).
pub(crate) const FIRST_CONTROL: u64 = 65532;

/// The control message that checks that the server responds (`protocol.md` 2.1).
pub(crate) const PING: u64 = FIRST_CONTROL + 1;

/// The control message that ends a channel (`protocol.md` 2.1).
pub(crate) const REVOKE: u64 = FIRST_CONTROL + 3;

/// The methods of a service, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    methods: Vec<Method>,
}

/// One message of a service's root protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// The number that opens a channel with this method.
    pub id: u64,
    /// The name. Two methods may share one.
    pub name: Arc<str>,
    /// The messages that the client may send.
    pub dispatch: Tree,
    /// The messages that the server may send.
    pub upstream: Tree,
}

/// The messages that one side of a channel may send next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// The same messages as before: the message may be repeated.
    Recurse,
    /// One of the messages of this state. The side has ended if there are none.
    Node(Arc<TreeNode>),
}

/// A state of one side of a channel: the messages that may be sent in it, in the order of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeNode {
    edges: Vec<Edge>,
}

/// A message of a state, and the messages that may follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The number of the message within its state.
    pub id: u64,
    /// The name.
    pub name: Arc<str>,
    /// The messages that may follow.
    pub next: Tree,
}

/// The common shapes of trees (`protocol.md` 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TreeShape {
    /// `{}`: nothing is sent.
    End,
    /// One `value` or one `error`.
    Primitive,
    /// Any number of `write`, then one `error` or `close`.
    Streaming,
    /// Anything else.
    Other,
}

/// The ids of the messages of the common trees (`protocol.md` 4.3). `value` and `write` share one.
pub(crate) const VALUE: u64 = 0;
pub(crate) const WRITE: u64 = 0;
pub(crate) const ERROR: u64 = 1;
pub(crate) const CLOSE: u64 = 2;

static END: LazyLock<Arc<TreeNode>> = LazyLock::new(Arc::default);
static PRIMITIVE: LazyLock<Arc<TreeNode>> =
    LazyLock::new(|| TreeNode::from_array([(VALUE, "value", Tree::end()), (ERROR, "error", Tree::end())]));
static STREAMING: LazyLock<Arc<TreeNode>> = LazyLock::new(|| {
    TreeNode::from_array([
        (WRITE, "write", Tree::Recurse),
        (ERROR, "error", Tree::end()),
        (CLOSE, "close", Tree::end()),
    ])
});

impl Graph {
    /// Returns a graph of `methods`, sorted by id. The first of several methods with the same id wins.
    pub fn new(methods: impl IntoIterator<Item = Method>) -> Self {
        let mut methods: Vec<_> = methods.into_iter().collect();
        methods.sort_by_key(|method| method.id);
        methods.dedup_by_key(|method| method.id);
        Self { methods }
    }

    /// Returns all entries, control messages included, in the order of their ids.
    pub fn entries(&self) -> &[Method] {
        &self.methods
    }

    /// Returns the methods: all entries but the control messages.
    pub fn methods(&self) -> impl Iterator<Item = &Method> {
        self.methods.iter().filter(|method| method.id < FIRST_CONTROL)
    }

    /// Returns the first method with this name.
    pub fn method(&self, name: &str) -> Option<&Method> {
        self.methods().find(|method| &*method.name == name)
    }

    /// Returns the entry with this id.
    pub fn entry(&self, id: u64) -> Option<&Method> {
        let index = self.methods.binary_search_by_key(&id, |method| method.id).ok()?;
        self.methods.get(index)
    }

    /// Adds the four control messages of every root protocol (`protocol.md` 4.2).
    #[must_use]
    pub fn with_controls(mut self) -> Self {
        self.methods.retain(|method| method.id < FIRST_CONTROL);
        for (id, name) in (FIRST_CONTROL..).zip(["goaway", "ping", "settings", "revoke"]) {
            let (dispatch, upstream) = (Tree::end(), Tree::primitive());
            self.methods.push(Method { id, name: name.into(), dispatch, upstream });
        }
        self
    }
}

impl Tree {
    /// Returns the tree of a side that sends nothing: `{}`.
    pub fn end() -> Self {
        Self::Node(END.clone())
    }

    /// Returns the tree of a single reply.
    pub fn primitive() -> Self {
        Self::Node(PRIMITIVE.clone())
    }

    /// Returns the tree of a stream.
    pub fn streaming() -> Self {
        Self::Node(STREAMING.clone())
    }

    /// Returns the shape of this tree. Control messages are ignored.
    pub fn shape(&self) -> TreeShape {
        let Self::Node(node) = self else { return TreeShape::Other };
        if node.messages().next().is_none() {
            TreeShape::End
        } else if node.same_messages(&PRIMITIVE) {
            TreeShape::Primitive
        } else if node.same_messages(&STREAMING) {
            TreeShape::Streaming
        } else {
            TreeShape::Other
        }
    }

    /// Returns the id of `close` if it is the only message that may be sent: it closes the channel and carries no data
    /// (`services.md` 8).
    pub(crate) fn closing(&self) -> Option<u64> {
        let Self::Node(node) = self else { return None };
        let mut messages = node.messages();
        let close = messages.next().filter(|edge| &*edge.name == "close" && edge.is_terminal())?;
        messages.next().is_none().then_some(close.id)
    }

    /// Returns whether both trees allow the same messages with the same ids. Control messages are ignored.
    pub fn same_messages(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Recurse, Self::Recurse) => true,
            (Self::Node(one), Self::Node(two)) => one.same_messages(two),
            _ => false,
        }
    }

    /// Returns the state at the root of the tree. A tree that recurs at its root has none, and the end is returned.
    pub fn node(&self) -> Arc<TreeNode> {
        match self {
            Self::Recurse => END.clone(),
            Self::Node(node) => node.clone(),
        }
    }
}

impl TreeNode {
    /// Returns a state of `edges`, sorted by id. The first of several edges with the same id wins.
    pub fn new(edges: impl IntoIterator<Item = Edge>) -> Self {
        let mut edges: Vec<_> = edges.into_iter().collect();
        edges.sort_by_key(|edge| edge.id);
        edges.dedup_by_key(|edge| edge.id);
        Self { edges }
    }

    fn from_array<const N: usize>(edges: [(u64, &str, Tree); N]) -> Arc<Self> {
        let edges = edges.into_iter().map(|(id, name, next)| Edge { id, name: name.into(), next });
        Arc::new(Self { edges: edges.collect() })
    }

    /// Returns all messages of the state, control messages included.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Returns the messages of the state without the control messages.
    pub fn messages(&self) -> impl Iterator<Item = &Edge> {
        self.edges.iter().filter(|edge| edge.id < FIRST_CONTROL)
    }

    /// Returns the message with this id, unless it is a control message.
    pub fn message(&self, id: u64) -> Option<&Edge> {
        self.messages().find(|edge| edge.id == id)
    }

    /// Returns whether nothing may be sent in this state.
    pub fn is_end(&self) -> bool {
        self.messages().next().is_none()
    }

    fn same_messages(&self, other: &Self) -> bool {
        self.messages().count() == other.messages().count()
            && self.messages().zip(other.messages()).all(|(one, two)| {
                one.id == two.id && one.name == two.name && one.next.same_messages(&two.next)
            })
    }
}

impl Edge {
    /// Returns whether nothing may follow this message.
    pub fn is_terminal(&self) -> bool {
        matches!(&self.next, Tree::Node(node) if node.is_end())
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recurse => f.write_str("repeat"),
            Self::Node(node) => node.fmt(f),
        }
    }
}

impl fmt::Display for TreeNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, edge) in self.messages().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}: {}", edge.id, edge.name)?;
            if !edge.is_terminal() {
                write!(f, " -> {}", edge.next)?;
            }
        }
        f.write_str("}")
    }
}

impl Serialize for Graph {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.methods.len()))?;
        for method in &self.methods {
            map.serialize_entry(&method.id, &(&*method.name, &method.dispatch, &method.upstream))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Graph {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries: Entries<(String, Tree, Tree)> = deserializer.deserialize_map(EntriesVisitor::new())?;
        Ok(Self::new(entries.0.into_iter().map(|(id, (name, dispatch, upstream))| Method {
            id,
            name: name.into(),
            dispatch,
            upstream,
        })))
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self::Node(node) = self else { return serializer.serialize_unit() };
        let mut map = serializer.serialize_map(Some(node.edges.len()))?;
        for edge in &node.edges {
            map.serialize_entry(&edge.id, &(&*edge.name, &edge.next))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node: Option<TreeNode> = Option::deserialize(deserializer)?;
        Ok(match node {
            None => Self::Recurse,
            Some(node) if node.edges.is_empty() => Self::end(),
            Some(node) => Self::Node(Arc::new(node)),
        })
    }
}

impl<'de> Deserialize<'de> for TreeNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries: Entries<(String, Tree)> = deserializer.deserialize_map(EntriesVisitor::new())?;
        Ok(Self::new(entries.0.into_iter().map(|(id, (name, next))| Edge { id, name: name.into(), next })))
    }
}

/// The entries of a map in the order of the wire. In a map type the last entry of a key would win.
struct Entries<T>(Vec<(u64, T)>);

struct EntriesVisitor<T>(std::marker::PhantomData<T>);

impl<T> EntriesVisitor<T> {
    fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
    type Value = Entries<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of message ids")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

/// The way a method is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallKind {
    /// The service sends nothing.
    Mute,
    /// The service sends one reply.
    Unary,
    /// The service sends a stream.
    Streaming,
    /// Both sides send messages.
    Session,
}

impl CallKind {
    /// Returns how a method with these trees is called. A method whose client may only send `close` is not a session: the
    /// client sends it when the call is dropped.
    pub fn of(dispatch: &Tree, upstream: &Tree) -> Self {
        let silent = dispatch.shape() == TreeShape::End;
        match upstream.shape() {
            TreeShape::End if silent => Self::Mute,
            TreeShape::Primitive if silent || dispatch.closing().is_some() => Self::Unary,
            TreeShape::Streaming if silent || dispatch.closing().is_some() => Self::Streaming,
            _ => Self::Session,
        }
    }

    /// Returns how such a method is to be called, as the end of an error text.
    pub(crate) fn usage(self) -> &'static str {
        match self {
            Self::Mute => "never replies: use `send`",
            Self::Unary => "replies once: use `call`",
            Self::Streaming => "replies with a stream: use `stream`",
            Self::Session => "is a session: use `open`",
        }
    }
}

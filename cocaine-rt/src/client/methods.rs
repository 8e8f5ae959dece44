//! Compares the methods of bindings with those that a service announces. Ids may differ from connection to connection.

use std::{borrow::Cow, sync::Arc};

use crate::{
    client::event::spec::EventSpec,
    protocol::{
        endpoint::ServiceInfo,
        error::{Error, ErrorKind, Result},
        graph::{CallKind, Graph, Method, PING, REVOKE, Tree, TreeShape},
        spec::{MethodSpec, OnDrop, ServiceSpec},
    },
};

/// The name of the method by which an app's events are called.
const ENQUEUE: &str = "enqueue";

/// How strictly bindings are compared with the methods that a service announces on connect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compatibility {
    /// Any difference fails the connection: another version, or a method that is missing, renumbered or changed.
    Exact,
    /// A method whose id changed is found by its name. One that is missing or changed fails when it is called.
    #[default]
    Lenient,
    /// Nothing is compared: calls use the ids of the bindings.
    Unchecked,
}

/// A method with its id on one connection.
#[derive(Clone, Debug)]
pub(crate) struct BoundMethod {
    pub(crate) id: u64,
    pub(crate) name: Arc<str>,
    pub(crate) kind: CallKind,
    pub(crate) dispatch: Tree,
    pub(crate) upstream: Tree,
    pub(crate) on_drop: OnDrop,
    /// The message that closes a call, if there is one.
    pub(crate) close: Option<u64>,
    /// Whether this is an event of an app: its deadline is sent along (`protocol.md` 5.3).
    pub(crate) is_event: bool,
}

impl BoundMethod {
    fn new(method: Method, on_drop: OnDrop) -> Self {
        let kind = CallKind::of(&method.dispatch, &method.upstream);
        let Method { id, name, dispatch, upstream } = method;
        let close = if kind == CallKind::Session { None } else { dispatch.closing() };
        let is_event = &*name == ENQUEUE;
        Self { id, name, kind, dispatch, upstream, on_drop, close, is_event }
    }

    /// Returns an error unless `kind` is how the method is called.
    #[inline]
    pub(crate) fn check_kind(&self, kind: CallKind) -> Result<()> {
        if self.kind == kind {
            return Ok(());
        }
        Err(Error::config(format!("`{}` {}", self.name, self.kind.usage())))
    }

    /// Returns an error unless the method takes a stream and answers with one.
    #[inline]
    pub(crate) fn check_event(&self) -> Result<()> {
        if [&self.dispatch, &self.upstream].into_iter().all(|tree| tree.shape() == TreeShape::Streaming) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::SchemaMismatch {
            expected: format!("a method `{ENQUEUE}` of an app"),
            found: format!("one that takes {} and answers {}", self.dispatch, self.upstream),
        }))
    }
}

/// The methods that a connection can call.
#[derive(Debug)]
pub(crate) struct MethodTable {
    methods: Vec<Result<BoundMethod>>,
    graph: Graph,
}

impl MethodTable {
    /// Looks up each method of `spec` among those that the service announces.
    pub(crate) fn new(
        spec: Option<&ServiceSpec>,
        found: &ServiceInfo,
        policy: Compatibility,
    ) -> Result<Self> {
        let methods = spec.map_or(&[][..], |spec| spec.methods);
        let methods = methods.iter().map(|method| bind_method(method, &found.graph, policy)).collect();
        if let (Some(spec), Compatibility::Exact) = (spec, policy) {
            check_exact(spec, found)?;
        }
        Ok(Self { methods, graph: found.graph.clone() })
    }

    /// Returns the methods of the bindings, in their order, as the service has them.
    pub(crate) fn methods(&self) -> &[Result<BoundMethod>] {
        &self.methods
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Returns whether the service accepts the control message `revoke`.
    pub(crate) fn accepts_revoke(&self) -> bool {
        self.graph.entry(REVOKE).is_some()
    }

    /// Returns the control message `ping`, if the service announces it.
    pub(crate) fn ping(&self) -> Option<BoundMethod> {
        self.graph.entry(PING).map(|ping| BoundMethod::new(ping.clone(), OnDrop::Terminal))
    }
}

fn bind_method(spec: &MethodSpec, graph: &Graph, policy: Compatibility) -> Result<BoundMethod> {
    let expected = spec.method();
    if policy == Compatibility::Unchecked {
        return Ok(BoundMethod::new(expected, spec.on_drop));
    }
    let is_same = |found: &&Method| {
        found.name == expected.name
            && found.dispatch.same_messages(&expected.dispatch)
            && found.upstream.same_messages(&expected.upstream)
    };
    let same = graph.entry(spec.id).filter(is_same).or_else(|| graph.methods().find(is_same));
    same.map(|found| BoundMethod::new(found.clone(), spec.on_drop)).ok_or_else(|| mismatch(&expected, graph))
}

fn mismatch(expected: &Method, graph: &Graph) -> Error {
    let found = graph.method(&expected.name).map_or_else(|| "no such method".to_owned(), describe);
    Error::new(ErrorKind::SchemaMismatch { expected: describe(expected), found }).with_context(
        None,
        Some(&expected.name),
        None,
    )
}

fn check_exact(spec: &ServiceSpec, found: &ServiceInfo) -> Result<()> {
    let mismatch = |expected, found| Err(Error::new(ErrorKind::SchemaMismatch { expected, found }));
    if spec.version != found.version {
        return mismatch(format!("version {}", spec.version), format!("version {}", found.version));
    }
    let expected: Vec<_> = spec.methods.iter().map(MethodSpec::method).collect();
    let differs = |method: &&Method| {
        let is_same = |other: &&Method| {
            other.id == method.id
                && other.name == method.name
                && other.dispatch.same_messages(&method.dispatch)
                && other.upstream.same_messages(&method.upstream)
        };
        !expected.iter().any(|other| is_same(&other)) || !found.graph.methods().any(|other| is_same(&other))
    };
    let list = |method: Option<&Method>| {
        method.map_or_else(
            || "nothing".to_owned(),
            |method| format!("`{}` as {}", method.name, describe(method)),
        )
    };
    let (missing, extra) = (expected.iter().find(differs), found.graph.methods().find(differs));
    if missing.is_none() && extra.is_none() { Ok(()) } else { mismatch(list(missing), list(extra)) }
}

fn describe(method: &Method) -> String {
    format!("method {} that takes {} and answers {}", method.id, method.dispatch, method.upstream)
}

/// Selects a method by its index in the bindings or by its name.
#[derive(Clone, Copy, Debug)]
pub enum Selector<'a> {
    /// The index among the methods of the bindings.
    Index(usize),
    /// The name that the service announces.
    Name(&'a str),
    /// The method that calls events, for this event.
    Event(&'a EventSpec),
}

impl From<usize> for Selector<'_> {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

impl<'a> From<&'a str> for Selector<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

impl<'a> From<&'a String> for Selector<'a> {
    fn from(name: &'a String) -> Self {
        Self::Name(name)
    }
}

impl MethodTable {
    /// Finds a method.
    #[inline]
    pub(crate) fn select(&self, selector: Selector<'_>) -> Result<Cow<'_, BoundMethod>> {
        match selector {
            Selector::Index(index) => match self.methods.get(index) {
                Some(bound) => bound.as_ref().map(Cow::Borrowed).map_err(Clone::clone),
                None => Err(Error::config(format!("the bindings have no method at index {index}"))),
            },
            Selector::Name(name) => self.select_name(name),
            // A generated client may hold a service that was connected with other bindings, or with none.
            Selector::Event(_) => match self.methods.iter().flatten().find(|bound| bound.is_event) {
                Some(bound) => Ok(Cow::Borrowed(bound)),
                None => self.select_name(ENQUEUE),
            },
        }
    }

    fn select_name(&self, name: &str) -> Result<Cow<'_, BoundMethod>> {
        match self.graph.method(name) {
            Some(method) => Ok(Cow::Owned(BoundMethod::new(method.clone(), OnDrop::for_method(name)))),
            None => Err(self.unknown_method(name)),
        }
    }

    fn unknown_method(&self, name: &str) -> Error {
        let names: Vec<_> = self.graph.methods().map(|method| &*method.name).collect();
        let found = format!("only {}", names.join(", "));
        let kind = ErrorKind::SchemaMismatch { expected: format!("a method `{name}`"), found };
        Error::new(kind).with_context(None, Some(name), None)
    }
}

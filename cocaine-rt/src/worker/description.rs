//! The schemas of a worker's events. They are made when they are needed, and only then.

use std::{collections::BTreeMap, fmt, sync::OnceLock};

use crate::schema::{
    AppSchema, ArgumentSchema, Definitions, ErrorDefinition, ErrorVariant, EventKind, EventOutput,
    EventSchema, Type,
};

/// Describes the types of an event to an [`EventDescriber`].
pub type DescribeFn = fn(&mut EventDescriber<'_>);

/// Collects the schema of one event.
pub struct EventDescriber<'d> {
    name: &'d str,
    doc: &'static str,
    arguments: Vec<ArgumentSchema>,
    input: Option<Type>,
    output: Option<EventOutput>,
    errors: Vec<(String, ErrorDefinition)>,
    definitions: &'d mut Definitions,
}

impl EventDescriber<'_> {
    /// Sets the doc comment of the handler.
    pub fn set_doc(&mut self, doc: &'static str) {
        self.doc = doc;
    }

    /// Adds an argument.
    pub fn add_argument(&mut self, name: &str, ty: Type) {
        self.arguments.push(ArgumentSchema { name: name.to_owned(), ty });
    }

    /// Sets the type of the chunks that follow the arguments.
    pub fn set_input(&mut self, ty: Type) {
        self.input = Some(ty);
    }

    /// Sets what the caller receives, unless an argument of the handler has set it: what such a handler returns is not sent.
    pub fn set_output(&mut self, output: EventOutput) {
        self.output.get_or_insert(output);
    }

    /// Adds errors that the event declares, under the name of their type.
    pub fn add_errors(&mut self, name: &str, errors: ErrorDefinition) {
        self.errors.push((name.to_owned(), errors));
    }

    /// Adds errors that the event declares on its own, under a name of the event's.
    pub fn declare_errors(&mut self, errors: ErrorDefinition) {
        self.errors.push((error_name(self.name), errors));
    }

    /// Returns the definitions that types refer to.
    pub fn definitions(&mut self) -> &mut Definitions {
        self.definitions
    }
}

impl fmt::Debug for EventDescriber<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventDescriber").field("arguments", &self.arguments).finish_non_exhaustive()
    }
}

/// What is known of an event.
#[derive(Clone, Copy)]
pub(super) enum Description {
    /// Its handler takes a session, and may receive and send anything.
    Session,
    /// It is an HTTP request.
    #[cfg(feature = "http")]
    Http,
    /// Its handler has arguments and a reply.
    Typed(DescribeFn),
}

/// What is known of the events of a worker.
#[derive(Default)]
pub(super) struct Descriptions {
    events: BTreeMap<String, Description>,
    fallback: Option<EventKind>,
    schema: OnceLock<AppSchema>,
}

impl Descriptions {
    /// Sets what is known of an event.
    pub(super) fn insert(&mut self, event: &str, description: Description) {
        self.events.insert(event.to_owned(), description);
    }

    /// Sets the kind of the events without handlers of their own.
    pub(super) fn set_fallback(&mut self, kind: EventKind) {
        self.fallback = Some(kind);
    }

    /// Returns the schema of all events.
    pub(super) fn schema(&self) -> &AppSchema {
        self.schema.get_or_init(|| self.describe())
    }

    fn describe(&self) -> AppSchema {
        let mut definitions = Definitions::default();
        let mut schema = AppSchema { fallback: self.fallback, ..AppSchema::default() };
        for (name, description) in &self.events {
            let event = describe_event(name, *description, &mut definitions, &mut schema.errors);
            schema.events.insert(name.clone(), event);
        }
        schema.types = definitions.into_types();
        schema
    }
}

fn describe_event(
    name: &str,
    description: Description,
    definitions: &mut Definitions,
    errors: &mut BTreeMap<String, ErrorDefinition>,
) -> EventSchema {
    let describe = match description {
        Description::Session => {
            let (input, output) = (Some(Type::Opaque), EventOutput::Stream(Type::Opaque));
            return EventSchema { input, output, ..EventSchema::default() };
        }
        #[cfg(feature = "http")]
        Description::Http => return EventSchema { kind: EventKind::Http, ..EventSchema::default() },
        Description::Typed(describe) => describe,
    };
    let mut describer = EventDescriber {
        name,
        doc: "",
        arguments: Vec::new(),
        input: None,
        output: None,
        errors: Vec::new(),
        definitions,
    };
    describe(&mut describer);
    let EventDescriber { doc, arguments, input, output, errors: declared, .. } = describer;
    EventSchema {
        doc: doc.to_owned(),
        kind: EventKind::Call,
        arguments,
        input,
        output: output.unwrap_or_default(),
        error: declare_errors(name, declared, errors),
    }
}

/// Adds the errors that an event declares to those of the app, and returns their name.
fn declare_errors(
    event: &str,
    declared: Vec<(String, ErrorDefinition)>,
    errors: &mut BTreeMap<String, ErrorDefinition>,
) -> Option<String> {
    let (name, definition) = merge_errors(event, declared)?;
    let mut unused = name.clone();
    let mut number = 1;
    while errors.get(&unused).is_some_and(|other| *other != definition) {
        number += 1;
        unused = format!("{name}{number}");
    }
    errors.insert(unused.clone(), definition);
    Some(unused)
}

/// Returns the errors that an event declares as one definition: those of the only type, or those of all under a name of the
/// event's.
fn merge_errors(event: &str, declared: Vec<(String, ErrorDefinition)>) -> Option<(String, ErrorDefinition)> {
    let mut declared = declared.into_iter();
    let (mut name, mut merged) = declared.next()?;
    for (other_name, other) in declared {
        if (&other_name, &other) == (&name, &merged) {
            continue;
        }
        name = error_name(event);
        for variant in other.variants {
            let is_known = |known: &ErrorVariant| {
                (known.category, known.code) == (variant.category, variant.code) || known.name == variant.name
            };
            if !merged.variants.iter().any(is_known) {
                merged.variants.push(variant);
            }
        }
    }
    Some((name, merged))
}

/// Returns the name of the errors of an event, such as `ReadAllError` for `read_all`.
fn error_name(event: &str) -> String {
    let mut name = String::new();
    for word in event.split(|char: char| !char.is_alphanumeric()) {
        let mut chars = word.chars();
        name.extend(chars.next().into_iter().flat_map(char::to_uppercase));
        name.push_str(chars.as_str());
    }
    name + "Error"
}

//! The model of an app: its schema, checked, with every name decided.

use std::collections::{BTreeMap, BTreeSet};

use cocaine::schema::{
    AppSchema, ArgumentSchema, ErrorDefinition, EventKind, EventOutput, EventSchema, Type, hash_text,
};

use super::{TypeNames, names};
use crate::{
    app_types::AppTypes,
    error::{Error, Problem, Result},
    naming::{self, NameScope},
};

/// The most events of an app.
const MAX_EVENTS: usize = 4_096;

/// The most arguments of an event: serde has tuples of so many values.
const MAX_ARGUMENTS: usize = 16;

/// The most errors that an app declares.
const MAX_ERRORS: usize = 4_096;

/// One app.
#[derive(Debug)]
pub(crate) struct AppModel {
    /// Its name in the cloud.
    pub(crate) wire_name: String,
    /// The name of its module and of its file.
    pub(crate) module: String,
    pub(crate) names: TypeNames,
    pub(crate) types: AppTypes,
    /// The path of the module whose types are used; without it they are generated.
    pub(crate) types_module: Option<String>,
    pub(crate) errors: Vec<ErrorModel>,
    /// The events that are methods, by name.
    pub(crate) events: Vec<EventModel>,
    /// The names of the events that are HTTP requests.
    pub(crate) http_events: Vec<String>,
}

/// One event.
#[derive(Debug)]
pub(crate) struct EventModel {
    /// The name in the schema.
    pub(crate) wire_name: String,
    /// The name in Rust.
    pub(crate) name: String,
    /// The name of the method of a double that expects a call.
    pub(crate) expectation: String,
    pub(crate) doc: String,
    pub(crate) hash: String,
    pub(crate) arguments: Vec<EventArgument>,
    /// The type of the chunks that follow the arguments.
    pub(crate) input: Option<Type>,
    pub(crate) output: EventOutput,
    /// The index of the errors that it declares.
    pub(crate) error: Option<usize>,
}

/// One argument of an event.
#[derive(Debug)]
pub(crate) struct EventArgument {
    /// The name in the schema.
    pub(crate) wire_name: String,
    /// The name in Rust.
    pub(crate) name: String,
    pub(crate) ty: Type,
}

/// The errors that events declare under one name.
#[derive(Debug)]
pub(crate) struct ErrorModel {
    /// The name in the schema.
    pub(crate) wire_name: String,
    /// The name of the enum.
    pub(crate) name: String,
    /// The end of the name of the function that returns the definition.
    pub(crate) function: String,
    pub(crate) doc: String,
    pub(crate) variants: Vec<ErrorVariantModel>,
    /// The name of the variant for all other errors.
    pub(crate) other: String,
}

/// One declared error.
#[derive(Debug)]
pub(crate) struct ErrorVariantModel {
    /// The name in the schema.
    pub(crate) wire_name: String,
    /// The name of the variant.
    pub(crate) name: String,
    /// The name of the function that makes it.
    pub(crate) constructor: String,
    pub(crate) doc: String,
    pub(crate) category: i64,
    pub(crate) code: i64,
}

impl AppModel {
    /// Returns the model of `app`, which has this schema; `module` is its module.
    ///
    /// # Errors
    ///
    /// No Rust can be made of the schema. Each error names the app and the event or the type.
    pub(crate) fn new(app: &str, module: String, schema: &AppSchema) -> Result<Self> {
        check(app, schema)?;
        let mut scope = NameScope::default();
        let names = names::service(&naming::camel(app, "App"), true, &mut scope);
        let errors = name_errors(schema, &mut scope);
        let types = AppTypes::new(app, schema, &mut scope)?;
        let is_call = |event: &EventSchema| event.kind == EventKind::Call;
        let calls: Vec<_> = schema.events.iter().filter(|(_, event)| is_call(event)).collect();
        let http_events = schema.events.iter().filter(|(_, event)| !is_call(event));
        Ok(Self {
            wire_name: app.to_owned(),
            module,
            names,
            types,
            types_module: None,
            events: name_events(schema, &calls, &errors),
            errors,
            http_events: http_events.map(|(name, _)| name.clone()).collect(),
        })
    }

    /// Returns the name of the static that lists the events.
    pub(crate) fn events_table(&self) -> String {
        format!("{}_EVENTS", self.names.table)
    }

    /// Returns the errors that an event declares.
    pub(crate) fn error_of(&self, event: &EventModel) -> Option<&ErrorModel> {
        self.errors.get(event.error?)
    }
}

/// Fails for a schema that is too large, or contradicts itself.
fn check(app: &str, schema: &AppSchema) -> Result<()> {
    let mut problems = Vec::new();
    let mut report = |place: String, message: String| {
        problems.push(Problem::App { app: app.to_owned(), place, message });
    };
    let events = schema.events.len();
    if events > MAX_EVENTS {
        let message = format!("there are {events}; code is generated for at most {MAX_EVENTS}");
        report("events".to_owned(), message);
    }
    for (name, event) in &schema.events {
        if let Some(message) = event_mistake(event, &schema.errors) {
            report(format!("event `{}`", naming::shown(name)), message);
        }
    }
    let errors: usize = schema.errors.values().map(|error| error.variants.len() + 1).sum();
    if errors > MAX_ERRORS {
        report(
            "errors".to_owned(),
            format!("it declares {errors}; code is generated for at most {MAX_ERRORS}"),
        );
    }
    for (name, error) in &schema.errors {
        if let Some(message) = repeated_code(error) {
            report(format!("errors `{}`", naming::shown(name)), message);
        }
    }
    Error::check(problems)
}

fn event_mistake(event: &EventSchema, errors: &BTreeMap<String, ErrorDefinition>) -> Option<String> {
    let count = event.arguments.len();
    if count > MAX_ARGUMENTS {
        return Some(format!(
            "it has {count} arguments; code is generated for at most {MAX_ARGUMENTS}, so put them into a struct"
        ));
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = event.arguments.iter().find(|argument| !names.insert(&argument.name)) {
        return Some(format!("the argument `{}` stands there twice", naming::shown(&twice.name)));
    }
    let unknown = event.error.as_ref().filter(|name| !errors.contains_key(*name))?;
    Some(format!("its errors `{}` are not among `errors`", naming::shown(unknown)))
}

fn repeated_code(error: &ErrorDefinition) -> Option<String> {
    let mut codes = BTreeSet::new();
    let twice = error.variants.iter().find(|variant| !codes.insert((variant.category, variant.code)))?;
    Some(format!(
        "`{}` has the code [{},{}] of another",
        naming::shown(&twice.name),
        twice.category,
        twice.code
    ))
}

/// Names the errors to which calls refer.
fn name_errors(schema: &AppSchema, scope: &mut NameScope) -> Vec<ErrorModel> {
    let calls = schema.events.values().filter(|event| event.kind == EventKind::Call);
    let used: BTreeSet<_> = calls.filter_map(|event| event.error.as_ref()).collect();
    let mut functions = NameScope::default();
    let used = schema.errors.iter().filter(|(name, _)| used.contains(name));
    used.map(|(wire_name, definition)| {
        let last = wire_name.rsplit("::").next().unwrap_or_default();
        let name = naming::camel(last, "AppError");
        let name = if naming::is_taken_type(&name) { format!("App{name}") } else { name };
        let name = scope.claim(name, "");
        let (variants, other) = name_variants(definition);
        ErrorModel {
            wire_name: wire_name.clone(),
            function: functions.claim(naming::snake(&name, "error"), "_"),
            name,
            doc: definition.doc.clone(),
            variants,
            other,
        }
    })
    .collect()
}

/// Names the variants of an enum of errors; the last name is that of all other errors.
fn name_variants(definition: &ErrorDefinition) -> (Vec<ErrorVariantModel>, String) {
    let camel = |name: &str| match naming::camel(name, "Error") {
        name if name == "Self" => "SelfError".to_owned(),
        name => name,
    };
    let wanted = definition.variants.iter().map(|variant| camel(&variant.name));
    let wanted: Vec<_> = wanted.chain(["Other".to_owned()]).collect();
    let mut names = NameScope::claim_all(&wanted, "");
    let other = names.pop().unwrap_or_default();
    let constructors = definition
        .variants
        .iter()
        .map(|variant| naming::client_method(naming::snake(&variant.name, "error")));
    let constructors = NameScope::claim_all(&constructors.collect::<Vec<_>>(), "_");
    let variants = definition.variants.iter().zip(names.into_iter().zip(constructors));
    let variants = variants.map(|(variant, (name, constructor))| ErrorVariantModel {
        wire_name: variant.name.clone(),
        name,
        constructor,
        doc: variant.doc.clone(),
        category: variant.category,
        code: variant.code,
    });
    (variants.collect(), other)
}

/// Names the events that are calls.
fn name_events(
    schema: &AppSchema,
    calls: &[(&String, &EventSchema)],
    errors: &[ErrorModel],
) -> Vec<EventModel> {
    let wanted = calls
        .iter()
        .enumerate()
        .map(|(index, (name, _))| naming::client_method(naming::snake(name, &format!("event_{index}"))));
    let names = NameScope::claim_all(&wanted.collect::<Vec<_>>(), "_");
    let expectations = naming::expectations(&names);
    let events = calls.iter().zip(names.into_iter().zip(expectations));
    events
        .map(|((wire_name, event), (name, expectation))| EventModel {
            wire_name: (*wire_name).clone(),
            name,
            expectation,
            doc: event.doc.clone(),
            hash: schema.event_hash(wire_name).map(hash_text).unwrap_or_default(),
            arguments: name_arguments(&event.arguments),
            input: event.input.clone(),
            output: event.output.clone(),
            error: event
                .error
                .as_ref()
                .and_then(|name| errors.iter().position(|error| error.wire_name == *name)),
        })
        .collect()
}

fn name_arguments(arguments: &[ArgumentSchema]) -> Vec<EventArgument> {
    let wanted = arguments.iter().enumerate().map(|(index, argument)| {
        naming::message(naming::snake(&argument.name, &format!("argument_{}", index + 1)))
    });
    let names = NameScope::claim_all(&wanted.collect::<Vec<_>>(), "_");
    arguments
        .iter()
        .zip(names)
        .map(|(ArgumentSchema { name: wire_name, ty }, name)| EventArgument {
            wire_name: wire_name.clone(),
            name,
            ty: ty.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use cocaine::schema::ErrorVariant;

    use super::*;

    /// Returns what is said of an app with this event and these errors.
    fn mistakes(event: EventSchema, variants: &[(&str, i64)]) -> String {
        let variant = |(name, code): &(&str, i64)| ErrorVariant {
            name: (*name).to_owned(),
            doc: String::new(),
            category: 43,
            code: *code,
        };
        let variants = variants.iter().map(variant).collect();
        let mut schema = AppSchema::default();
        schema.errors.insert("E".to_owned(), ErrorDefinition { doc: String::new(), variants });
        schema.events.insert("e".to_owned(), event);
        let model = AppModel::new("shop", "shop".to_owned(), &schema);
        model.err().map_or_else(String::new, |error| error.to_string())
    }

    fn event(arguments: impl IntoIterator<Item = String>) -> EventSchema {
        let argument = |name| ArgumentSchema { name, ty: Type::U8 };
        EventSchema { arguments: arguments.into_iter().map(argument).collect(), ..EventSchema::default() }
    }

    #[test]
    fn size_of_an_app_is_bounded() {
        let many = |count: usize| event((0..count).map(|index| format!("a{index}")));
        assert_eq!(mistakes(many(16), &[]), "");
        assert_eq!(
            mistakes(many(17), &[]),
            "app `shop`, event `e`: it has 17 arguments; code is generated for at most 16, so put them into a struct"
        );
        let variants: Vec<_> = (0..4_096).map(|code| ("V", code)).collect();
        assert!(mistakes(many(0), &variants).contains("errors: it declares 4097"));
        let events = (0..4_097).map(|index| (format!("e{index}"), many(0))).collect();
        let schema = AppSchema { events, ..AppSchema::default() };
        let error = AppModel::new("shop", "shop".to_owned(), &schema).unwrap_err();
        assert_eq!(
            error.to_string(),
            "app `shop`, events: there are 4097; code is generated for at most 4096"
        );
    }

    #[test]
    fn contradictions_name_app_and_event() {
        let twice = event(["a".to_owned(), "a".to_owned()]);
        assert_eq!(mistakes(twice, &[]), "app `shop`, event `e`: the argument `a` stands there twice");
        let unknown = EventSchema { error: Some("F".to_owned()), ..EventSchema::default() };
        assert_eq!(mistakes(unknown, &[]), "app `shop`, event `e`: its errors `F` are not among `errors`");
        assert_eq!(
            mistakes(EventSchema::default(), &[("A", 1), ("B", 1)]),
            "app `shop`, errors `E`: `B` has the code [43,1] of another"
        );
    }
}

//! The events of an app: their arguments, chunks and errors.

use std::collections::{BTreeMap, BTreeSet};

use cocaine::schema::{AppSchema, ArgumentSchema, EventKind, EventOutput, EventSchema, Type};

use super::{
    comparer::{Budget, TypeComparer, TypeFinding, Ways, type_text},
    differences::AppDifference,
    grades::{AppDirection, AppGrade},
    node::{Node, Verdict},
    rules::AppRule,
};

/// Who writes what is compared. The other side reads it.
#[derive(Clone, Copy)]
enum Writer {
    Caller,
    Worker,
}

/// Compares two schemas of an app.
pub(super) struct AppComparer<'s> {
    app: &'s str,
    pub(super) old: &'s AppSchema,
    pub(super) new: &'s AppSchema,
    pub(super) budget: Budget,
    /// The names of types that stand for each other and are called differently.
    pub(super) renamed: BTreeSet<(&'s str, &'s str)>,
    pub(super) differences: Vec<AppDifference>,
}

/// An event of both schemas.
#[derive(Clone, Copy)]
pub(super) struct EventPair<'s> {
    pub(super) name: &'s str,
    pub(super) old: &'s EventSchema,
    pub(super) new: &'s EventSchema,
}

impl<'s> AppComparer<'s> {
    pub(super) fn new(app: &'s str, old: &'s AppSchema, new: &'s AppSchema, budget: Budget) -> Self {
        Self { app, old, new, budget, renamed: BTreeSet::new(), differences: Vec::new() }
    }

    /// Adds a difference that is not about values.
    pub(super) fn report(
        &mut self,
        event: Option<&str>,
        path: &str,
        rule: AppRule,
        [expected, found]: [Option<String>; 2],
    ) {
        let finding = TypeFinding { path: path.to_owned(), rule, verdicts: Ways::default(), expected, found };
        if self.budget.findings > 0 {
            self.budget.findings -= 1;
            self.add(event, finding, Writer::Caller);
        }
    }

    fn add(&mut self, event: Option<&str>, finding: TypeFinding, writer: Writer) {
        let TypeFinding { path, rule, verdicts, expected, found } = finding;
        let (grade, direction) = grade(rule, verdicts, writer);
        let is_certain =
            [verdicts.old_to_new, verdicts.new_to_old].iter().all(|verdict| *verdict != Verdict::Unknown);
        let suffix = if is_certain || rule == AppRule::OpaqueType {
            ""
        } else {
            ", and some values may be refused or read as others"
        };
        self.differences.push(AppDifference {
            grade,
            direction,
            app: self.app.to_owned(),
            event: event.map(str::to_owned),
            path,
            rule,
            message: format!("{}{suffix}", rule.message()),
            expected,
            found,
        });
    }

    /// Compares all events.
    pub(super) fn compare_events(&mut self) {
        let (old, new) = (self.old, self.new);
        for (name, event) in &old.events {
            match new.events.get(name) {
                Some(new) => self.compare_event(EventPair { name, old: event, new }),
                None => {
                    self.report(Some(name), "", AppRule::EventRemoved, [Some(kind_text(event.kind)), None]);
                }
            }
        }
        for (name, event) in new.events.iter().filter(|(name, _)| !old.events.contains_key(*name)) {
            self.report(Some(name), "", AppRule::EventAdded, [None, Some(kind_text(event.kind))]);
        }
        let texts = [old.fallback.map(kind_text), new.fallback.map(kind_text)];
        let rule = match (old.fallback, new.fallback) {
            (None, Some(_)) => AppRule::FallbackAdded,
            (Some(_), None) => AppRule::FallbackRemoved,
            (Some(old), Some(new)) if old != new => AppRule::FallbackKind,
            _ => return,
        };
        self.report(None, "fallback", rule, texts);
    }

    fn compare_event(&mut self, event: EventPair<'s>) {
        let EventPair { name, old, new } = event;
        if old.doc != new.doc {
            self.report(Some(name), "", AppRule::DocsChanged, [None, None]);
        }
        if old.kind != new.kind {
            let texts = [old.kind, new.kind].map(|kind| Some(kind_text(kind)));
            return self.report(Some(name), "", AppRule::EventKind, texts);
        }
        if old.kind == EventKind::Http {
            return;
        }
        self.compare_arguments(event);
        match (&old.input, &new.input) {
            (None, None) => {}
            (Some(input), Some(new_input)) => {
                self.compare_chunk(event, "input", [input, new_input], Writer::Caller);
            }
            (input, new_input) => {
                let texts = [input, new_input].map(|input| input.as_ref().map(type_text));
                self.report(Some(name), "input", AppRule::InputStream, texts);
            }
        }
        match (&old.output, &new.output) {
            (EventOutput::Stream(item), EventOutput::Stream(new_item)) => {
                self.compare_chunk(event, "output", [item, new_item], Writer::Worker);
            }
            (EventOutput::Reply(reply), EventOutput::Reply(new_reply)) => {
                self.compare_reply(event, [reply, new_reply]);
            }
            (output, new_output) => {
                let texts = [output, new_output].map(|output| Some(output_text(output)));
                self.report(Some(name), "output", AppRule::OutputStream, texts);
            }
        }
        self.compare_errors(event);
    }

    /// Compares what is answered once. `()` is no chunk, which is read as nothing else.
    fn compare_reply(&mut self, event: EventPair<'s>, [old, new]: [&'s Type; 2]) {
        let is_nothing = |ty: &Type| *ty == Type::Unit;
        if is_nothing(old) ^ is_nothing(new) {
            let (verdicts, texts) = (Ways::both(Verdict::Fails), [old, new].map(|ty| Some(type_text(ty))));
            self.add_finding(event, "output", AppRule::TypeChanged, verdicts, texts, Writer::Worker);
        } else {
            self.compare_chunk(event, "output", [old, new], Writer::Worker);
        }
    }

    /// Compares what a chunk is: an encoded value, or bytes as they are.
    fn compare_chunk(&mut self, event: EventPair<'s>, root: &str, [old, new]: [&'s Type; 2], writer: Writer) {
        let is_opaque = matches!(Node::of(&self.old.types, old), Node::Opaque)
            || matches!(Node::of(&self.new.types, new), Node::Opaque);
        if (*old == Type::Bytes) == (*new == Type::Bytes) || is_opaque {
            return self.compare_types(event, root, [old, new], writer);
        }
        let reads = |writer: &Type| if *writer == Type::Bytes { Verdict::Fails } else { Verdict::Unknown };
        let texts = [old, new].map(|ty| Some(type_text(ty)));
        self.add_finding(
            event,
            root,
            AppRule::ChunkEncoding,
            Ways::new(reads(old), reads(new)),
            texts,
            writer,
        );
    }

    fn compare_types(&mut self, event: EventPair<'s>, root: &str, [old, new]: [&'s Type; 2], writer: Writer) {
        let mut comparer = TypeComparer::new(&self.old.types, &self.new.types, &mut self.budget);
        comparer.compare(root, old, new);
        self.renamed.extend(comparer.renamed());
        for finding in comparer.findings {
            self.add(Some(event.name), finding, writer);
        }
    }

    fn add_finding(
        &mut self,
        event: EventPair<'s>,
        path: &str,
        rule: AppRule,
        verdicts: Ways<Verdict>,
        [expected, found]: [Option<String>; 2],
        writer: Writer,
    ) {
        if self.budget.findings > 0 {
            self.budget.findings -= 1;
            let finding = TypeFinding { path: path.to_owned(), rule, verdicts, expected, found };
            self.add(Some(event.name), finding, writer);
        }
    }

    /// Compares arguments, which travel by position. Those of which a name has gone, and one has come in its place, are taken
    /// for the same.
    fn compare_arguments(&mut self, event: EventPair<'s>) {
        let (old, new) = (&event.old.arguments[..], &event.new.arguments[..]);
        if old.len().min(new.len()) == 1 && old.len().max(new.len()) > 1 {
            let texts = [old, new].map(|arguments| Some(arguments_text(arguments)));
            self.report(Some(event.name), "arguments", AppRule::ArgumentForm, texts);
        }
        let (positions, new_positions) = (positions(old), positions(new));
        for (index, argument) in old.iter().enumerate() {
            let path = format!("arguments.{}", argument.name);
            match (new_positions.get(argument.name.as_str()), new.get(index)) {
                (Some(position), _) if *position != index => {
                    let texts = [index, *position].map(|index| Some(format!("position {}", index + 1)));
                    self.report(Some(event.name), &path, AppRule::ArgumentMoved, texts);
                }
                (Some(_), Some(partner)) => self.compare_argument(event, &path, [argument, partner]),
                (None, Some(partner)) if !positions.contains_key(partner.name.as_str()) => {
                    let texts = [argument, partner].map(|argument| Some(format!("`{}`", argument.name)));
                    self.report(Some(event.name), &path, AppRule::ArgumentRenamed, texts);
                    self.compare_argument(event, &path, [argument, partner]);
                }
                _ => {
                    let verdicts =
                        Ways::new(reads_surplus(event.new), self.reads_missing(event, argument, false));
                    let texts = [Some(type_text(&argument.ty)), None];
                    self.add_finding(event, &path, AppRule::ArgumentRemoved, verdicts, texts, Writer::Caller);
                }
            }
        }
        for (index, argument) in new.iter().enumerate() {
            let is_renamed = old.get(index).is_some_and(|old| !new_positions.contains_key(old.name.as_str()));
            if !positions.contains_key(argument.name.as_str()) && !is_renamed {
                let path = format!("arguments.{}", argument.name);
                let verdicts = Ways::new(self.reads_missing(event, argument, true), reads_surplus(event.old));
                let texts = [None, Some(type_text(&argument.ty))];
                self.add_finding(event, &path, AppRule::ArgumentAdded, verdicts, texts, Writer::Caller);
            }
        }
    }

    fn compare_argument(&mut self, event: EventPair<'s>, path: &str, [old, new]: [&'s ArgumentSchema; 2]) {
        let types = [&old.ty, &new.ty];
        if event.old.arguments.len() == 1 && event.new.arguments.len() == 1 {
            self.compare_chunk(event, path, types, Writer::Caller);
        } else {
            self.compare_types(event, path, types, Writer::Caller);
        }
    }

    /// Returns whether an app that has `argument` reads the arguments of callers that do not.
    fn reads_missing(&self, event: EventPair<'_>, argument: &ArgumentSchema, is_new: bool) -> Verdict {
        let (types, callers) =
            if is_new { (&self.new.types, event.old) } else { (&self.old.types, event.new) };
        let is_optional = matches!(Node::of(types, &argument.ty), Node::Option(_));
        if is_optional && !callers.arguments.is_empty() { Verdict::Reads } else { Verdict::Fails }
    }
}

/// Returns whether an app skips an argument that it does not have: not if it takes it for a chunk of its input.
fn reads_surplus(app: &EventSchema) -> Verdict {
    if app.arguments.is_empty() && app.input.is_some() { Verdict::Fails } else { Verdict::Reads }
}

/// Returns how much a difference matters, and to whom.
fn grade(rule: AppRule, verdicts: Ways<Verdict>, writer: Writer) -> (AppGrade, AppDirection) {
    let (backward, forward) = match writer {
        Writer::Caller => (verdicts.old_to_new, verdicts.new_to_old),
        Writer::Worker => (verdicts.new_to_old, verdicts.old_to_new),
    };
    match (backward != Verdict::Reads, forward != Verdict::Reads) {
        _ if rule == AppRule::OpaqueType => rule.grade(),
        (true, true) => (AppGrade::Wire, AppDirection::Both),
        (true, false) => (AppGrade::Wire, AppDirection::Backward),
        (false, true) => (AppGrade::Wire, AppDirection::Forward),
        (false, false) => rule.grade(),
    }
}

fn positions(arguments: &[ArgumentSchema]) -> BTreeMap<&str, usize> {
    arguments.iter().enumerate().map(|(index, argument)| (argument.name.as_str(), index)).collect()
}

fn arguments_text(arguments: &[ArgumentSchema]) -> String {
    if arguments.len() == 1 { "one argument".to_owned() } else { format!("{} arguments", arguments.len()) }
}

fn output_text(output: &EventOutput) -> String {
    match output {
        EventOutput::Reply(ty) => type_text(ty),
        EventOutput::Stream(ty) => format!("a stream of {}", type_text(ty)),
    }
}

fn kind_text(kind: EventKind) -> String {
    match kind {
        EventKind::Call => "a call".to_owned(),
        EventKind::Http => "HTTP".to_owned(),
        _ => "another kind".to_owned(),
    }
}

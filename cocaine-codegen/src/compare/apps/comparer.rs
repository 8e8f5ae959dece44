//! Compares a type of the old schema with one of the new: can each read what the other writes, and what else is different?
//!
//! Pairs of types are compared one after the other, not within one another, so that no schema exhausts the stack. Two types
//! with names are compared once; while they are, they count as equal, which is what ends a recursion.

use std::{
    collections::{HashSet, VecDeque},
    fmt,
};

use cocaine::schema::Type;

use super::{
    node::{Elements, Node, Types, Verdict},
    rules::AppRule,
    type_text::type_text,
};

/// The most segments of a path in a message.
const MAX_SEGMENTS: usize = 24;
/// The most probes within one another.
const MAX_PROBES: usize = 3;

/// Something of each way: the old side writes and the new reads, and the other way round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Ways<T> {
    pub(super) old_to_new: T,
    pub(super) new_to_old: T,
}

impl<T: Copy> Ways<T> {
    pub(super) const fn new(old_to_new: T, new_to_old: T) -> Self {
        Self { old_to_new, new_to_old }
    }

    pub(super) const fn both(of: T) -> Self {
        Self::new(of, of)
    }
}

/// A difference between two types.
#[derive(Clone, Debug)]
pub(super) struct TypeFinding {
    pub(super) path: String,
    pub(super) rule: AppRule,
    pub(super) verdicts: Ways<Verdict>,
    pub(super) expected: Option<String>,
    pub(super) found: Option<String>,
}

/// Where two types stand, and how they are read there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The index of the last segment of the path.
    pub(super) path: usize,
    /// The ways in which something travels here.
    pub(super) ways: Ways<bool>,
    /// Whether serde reads a value here before it knows its type. Bytes are no list of integers then.
    pub(super) is_buffered: bool,
    /// Whether something else may read what is refused here.
    pub(super) is_uncertain: bool,
}

struct Segment {
    parent: usize,
    text: String,
}

/// A type, or the content of a variant, which may have no type of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct TypeSide<'s> {
    pub(super) node: Node<'s>,
    pub(super) ty: Option<&'s Type>,
}

/// How many steps and findings are left for all types of an app.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) steps: usize,
    pub(super) findings: usize,
}

impl Budget {
    pub(super) fn is_exhausted(&self) -> bool {
        self.steps == 0 || self.findings == 0
    }
}

/// The names of two types, and how they are read where they stand.
pub(super) type PairKey<'s> = (&'s str, &'s str, Ways<bool>, [bool; 2]);

/// Compares the types of two schemas.
pub(super) struct TypeComparer<'s, 'b> {
    pub(super) old: &'s Types,
    pub(super) new: &'s Types,
    queue: VecDeque<(&'s Type, &'s Type, Place)>,
    visited: HashSet<PairKey<'s>>,
    /// Pairs that were compared before, and differ in nothing.
    equal: &'b HashSet<PairKey<'s>>,
    paths: Vec<Segment>,
    pub(super) findings: Vec<TypeFinding>,
    renamed: HashSet<(&'s str, &'s str)>,
    budget: &'b mut Budget,
    /// How many probes this is within.
    probes: usize,
}

impl<'s, 'b> TypeComparer<'s, 'b> {
    pub(super) fn new(
        old: &'s Types,
        new: &'s Types,
        equal: &'b HashSet<PairKey<'s>>,
        budget: &'b mut Budget,
    ) -> Self {
        let (queue, visited, paths, findings) = (VecDeque::new(), HashSet::new(), Vec::new(), Vec::new());
        Self { old, new, queue, visited, equal, paths, findings, renamed: HashSet::new(), budget, probes: 0 }
    }

    /// Compares two types that stand at `root`, and what they refer to.
    pub(super) fn compare(&mut self, root: &str, old: &'s Type, new: &'s Type) {
        let place = self.root(root, Ways::both(true));
        self.queue.push_back((old, new, place));
        self.run();
    }

    /// Returns the pairs that were compared, if nothing was different in any of them.
    pub(super) fn equal_pairs(&mut self) -> HashSet<PairKey<'s>> {
        let is_equal = self.findings.is_empty() && !self.budget.is_exhausted();
        if is_equal { std::mem::take(&mut self.visited) } else { HashSet::new() }
    }

    /// Returns the names of types that stand for each other and are called differently.
    pub(super) fn renamed(&self) -> impl Iterator<Item = (&'s str, &'s str)> {
        self.renamed.iter().copied()
    }

    fn root(&mut self, text: &str, ways: Ways<bool>) -> Place {
        self.paths.push(Segment { parent: usize::MAX, text: text.to_owned() });
        Place { path: self.paths.len() - 1, ways, is_buffered: false, is_uncertain: false }
    }

    fn run(&mut self) {
        while let Some((old, new, place)) = self.queue.pop_front() {
            if self.spend() {
                self.compare_types(old, new, place);
            }
        }
    }

    /// Takes a step, if one is left.
    pub(super) fn spend(&mut self) -> bool {
        if self.budget.is_exhausted() {
            return false;
        }
        self.budget.steps -= 1;
        true
    }

    /// Returns the place of something within.
    pub(super) fn within(&mut self, place: Place, text: impl Into<String>) -> Place {
        self.paths.push(Segment { parent: place.path, text: text.into() });
        Place { path: self.paths.len() - 1, ..place }
    }

    /// Has two types compared later.
    pub(super) fn push(&mut self, old: &'s Type, new: &'s Type, place: Place) {
        if place.ways != Ways::both(false) {
            self.queue.push_back((old, new, place));
        }
    }

    /// Adds a difference.
    pub(super) fn report(
        &mut self,
        place: Place,
        rule: AppRule,
        verdicts: Ways<Verdict>,
        [expected, found]: [Option<String>; 2],
    ) {
        if self.budget.is_exhausted() {
            return;
        }
        self.budget.findings -= 1;
        let verdict = |travels: bool, verdict: Verdict| match verdict {
            _ if !travels => Verdict::Reads,
            Verdict::Fails if place.is_uncertain => Verdict::Unknown,
            verdict => verdict,
        };
        let verdicts = Ways::new(
            verdict(place.ways.old_to_new, verdicts.old_to_new),
            verdict(place.ways.new_to_old, verdicts.new_to_old),
        );
        let path = self.path_text(place);
        self.findings.push(TypeFinding { path, rule, verdicts, expected, found });
    }

    fn path_text(&self, place: Place) -> String {
        let mut segments = Vec::new();
        let mut index = place.path;
        while let Some(Segment { parent, text }) = self.paths.get(index) {
            if segments.len() == MAX_SEGMENTS {
                segments.push("…");
                break;
            }
            segments.push(text);
            index = *parent;
        }
        segments.reverse();
        segments.concat()
    }

    fn compare_types(&mut self, old: &'s Type, new: &'s Type, place: Place) {
        if let (Type::Named(a), Type::Named(b)) = (old, new) {
            let key = (a.as_str(), b.as_str(), place.ways, [place.is_buffered, place.is_uncertain]);
            if self.equal.contains(&key) || !self.visited.insert(key) {
                return;
            }
        }
        if let (Type::Named(a), Type::Named(b)) = (old, new)
            && a != b
        {
            self.renamed.insert((a, b));
        }
        let before = self.findings.len();
        let sides = [
            TypeSide { node: Node::of(self.old, old), ty: Some(old) },
            TypeSide { node: Node::of(self.new, new), ty: Some(new) },
        ];
        self.compare_sides(sides, place);
        let is_newtype = |node: Node<'_>, ty: &Type| {
            matches!(ty, Type::Named(_)) && !matches!(node, Node::Struct(_) | Node::Enum(_) | Node::Fixed(_))
        };
        if self.findings.len() == before
            && is_newtype(sides[0].node, old) != is_newtype(sides[1].node, new)
            && !matches!(sides[0].node, Node::Opaque)
        {
            self.report_types(place, AppRule::NewtypeChanged, Ways::default(), sides);
        }
    }

    /// Compares one level of two types.
    pub(super) fn compare_sides(&mut self, [old, new]: [TypeSide<'s>; 2], place: Place) {
        match (old.node, new.node) {
            (Node::Opaque, Node::Opaque) | (Node::Any, Node::Any) => {}
            (Node::Opaque, _) | (_, Node::Opaque) => {
                self.report_types(place, AppRule::OpaqueType, Ways::both(Verdict::Unknown), [old, new]);
            }
            (Node::Option(of), Node::Option(new_of)) => self.push(of, new_of, place),
            (Node::Option(of), node) if !matches!(node, Node::Any) => {
                let verdicts = Ways::new(node.reads_nil(), Verdict::Reads);
                self.report_types(place, AppRule::OptionToRequired, verdicts, [old, new]);
                let old = TypeSide { node: Node::of(self.old, of), ty: Some(of) };
                // Nil is read, and nothing else is written.
                let new_to_old = place.ways.new_to_old && !matches!(node, Node::Unit);
                self.compare_sides([old, new], Place { ways: Ways { new_to_old, ..place.ways }, ..place });
            }
            (node, Node::Option(of)) if !matches!(node, Node::Any) => {
                let verdicts = Ways::new(Verdict::Reads, node.reads_nil());
                self.report_types(place, AppRule::RequiredToOption, verdicts, [old, new]);
                let new = TypeSide { node: Node::of(self.new, of), ty: Some(of) };
                let old_to_new = place.ways.old_to_new && !matches!(node, Node::Unit);
                self.compare_sides([old, new], Place { ways: Ways { old_to_new, ..place.ways }, ..place });
            }
            (Node::List(of), Node::List(new_of)) => {
                let within = self.within(place, "[]");
                self.push(of, new_of, within);
            }
            (Node::Map(key, value), Node::Map(new_key, new_value)) => {
                let within = self.within(place, "{key}");
                self.push(key, new_key, within);
                let within = self.within(place, "{}");
                self.push(value, new_value, within);
            }
            (Node::Fixed(elements), Node::Fixed(new_elements)) => {
                self.compare_elements([old, new], elements, new_elements, place);
            }
            (Node::List(of), Node::Fixed(elements)) => {
                self.report_list_or_array([old, new], elements, place);
                let ways = Ways { old_to_new: false, ..place.ways };
                let within = self.within(Place { ways, ..place }, "[]");
                elements.types().for_each(|element| self.push(of, element, within));
            }
            (Node::Fixed(elements), Node::List(of)) => {
                self.report_list_or_array([old, new], elements, place);
                let ways = Ways { new_to_old: false, ..place.ways };
                let within = self.within(Place { ways, ..place }, "[]");
                elements.types().for_each(|element| self.push(element, of, within));
            }
            (Node::Struct(fields), Node::Struct(new_fields)) => {
                self.compare_structs([old, new], fields, new_fields, place);
            }
            (Node::Enum(definition), Node::Enum(new_definition)) => {
                self.compare_enums(definition, new_definition, place);
            }
            _ => self.compare_scalars([old, new], place),
        }
    }

    fn compare_elements(
        &mut self,
        sides: [TypeSide<'s>; 2],
        old: Elements<'s>,
        new: Elements<'s>,
        place: Place,
    ) {
        let reads = |writer: Elements<'_>, reader: Elements<'_>| {
            if writer.len() < reader.len() { Verdict::Fails } else { Verdict::Reads }
        };
        if old.len() != new.len() {
            let verdicts = Ways::new(reads(old, new), reads(new, old));
            self.report_types(place, AppRule::TupleLength, verdicts, sides);
        }
        if let (Elements::Same(old, _), Elements::Same(new, _)) = (old, new) {
            let within = self.within(place, "[]");
            return self.push(old, new, within);
        }
        for index in 0..old.len().min(new.len()) {
            if let (Some(old), Some(new)) = (old.get(index), new.get(index))
                && self.spend()
            {
                let within = self.within(place, format!(".{index}"));
                self.push(old, new, within);
            }
        }
    }

    /// Reports a list that has a length, or none any more. The elements that have a length are always enough for a list.
    fn report_list_or_array(&mut self, sides: [TypeSide<'s>; 2], elements: Elements<'s>, place: Place) {
        let short = if elements.len() == 0 { Verdict::Reads } else { Verdict::Fails };
        let verdicts = if matches!(sides[0].node, Node::List(_)) {
            Ways::new(short, Verdict::Reads)
        } else {
            Ways::new(Verdict::Reads, short)
        };
        self.report_types(place, AppRule::ListOrArray, verdicts, sides);
    }

    /// Adds a difference between two types as they are: with their names, or, if these are the same, with what they are.
    pub(super) fn report_types(
        &mut self,
        place: Place,
        rule: AppRule,
        verdicts: Ways<Verdict>,
        sides: [TypeSide<'_>; 2],
    ) {
        let mut texts = sides.map(|side| Some(side.to_string()));
        if texts[0] == texts[1] {
            texts = sides.map(|side| Some(side.node.kind_text().to_owned()));
        }
        if texts[0] == texts[1] {
            texts = [None, None];
        }
        self.report(place, rule, verdicts, texts);
    }

    /// Returns whether the new side reads what the old writes, or the other way round, without a report.
    pub(super) fn probe(&mut self, sides: [TypeSide<'s>; 2], place: Place) -> Verdict {
        if self.probes == MAX_PROBES {
            return Verdict::Unknown;
        }
        let mut budget = Budget { steps: self.budget.steps.min(10_000), findings: 100 };
        let steps = budget.steps;
        let mut inner = TypeComparer::new(self.old, self.new, self.equal, &mut budget);
        inner.probes = self.probes + 1;
        let root = inner.root("", place.ways);
        inner.compare_sides(sides, Place { path: root.path, ..place });
        inner.run();
        let verdict = |finding: &TypeFinding| finding.verdicts.old_to_new.max(finding.verdicts.new_to_old);
        let worst = inner.findings.iter().map(verdict).max().unwrap_or_default();
        let is_exhausted = budget.is_exhausted();
        self.budget.steps = self.budget.steps.saturating_sub(steps - budget.steps);
        if is_exhausted { worst.max(Verdict::Unknown) } else { worst }
    }
}

/// Formats the type, if it has one, and else what it is.
impl fmt::Display for TypeSide<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.ty, self.node) {
            (Some(ty), _) => f.write_str(&type_text(ty)),
            (None, node) => f.write_str(node.kind_text()),
        }
    }
}

//! Structs: their fields, by name.

use std::collections::BTreeMap;

use cocaine::schema::{Field, Presence, Type};

use super::{
    comparer::{Place, TypeComparer, TypeSide, Ways},
    node::{Fields, Node, Types, Verdict},
    rules::AppRule,
    type_text::type_text,
};

/// The most structs that are flattened into one another.
const MAX_FLATTENED: usize = 32;

/// The fields of a struct with those that are flattened into it.
#[derive(Default)]
struct FlatFields<'s> {
    fields: Vec<FlatField<'s>>,
    /// The values of a flattened map, which takes what no field does.
    rest: Option<(&'s Type, &'s Type)>,
    /// Flattened types of which the fields cannot be told.
    others: Vec<&'s Type>,
    deny_unknown: bool,
    by_name: BTreeMap<&'s str, usize>,
    by_alias: BTreeMap<&'s str, usize>,
}

#[derive(Clone, Copy)]
struct FlatField<'s> {
    field: &'s Field,
    is_flattened: bool,
}

impl<'s> FlatFields<'s> {
    fn new(types: &'s Types, fields: Fields<'s>) -> Self {
        let mut flat = Self { deny_unknown: fields.deny_unknown, ..Self::default() };
        flat.add(types, fields.fields, 0);
        for (index, FlatField { field, .. }) in flat.fields.iter().enumerate() {
            flat.by_name.entry(&field.name).or_insert(index);
            for alias in &field.aliases {
                flat.by_alias.entry(alias).or_insert(index);
            }
        }
        flat
    }

    fn add(&mut self, types: &'s Types, fields: &'s [Field], depth: usize) {
        for field in fields {
            if !field.flatten {
                self.fields.push(FlatField { field, is_flattened: depth > 0 });
                continue;
            }
            match Node::of(types, &field.ty) {
                Node::Struct(inner) if !inner.deny_unknown && depth < MAX_FLATTENED => {
                    self.add(types, inner.fields, depth + 1);
                }
                Node::Map(key, value) if self.rest.is_none() => self.rest = Some((key, value)),
                _ => self.others.push(&field.ty),
            }
        }
    }

    /// Returns the field that is read under this name, or has it otherwise.
    fn find(&self, field: &Field) -> Option<usize> {
        let name = field.name.as_str();
        let by_own_alias = || field.aliases.iter().find_map(|alias| self.by_name.get(alias.as_str()));
        self.by_name.get(name).or_else(|| self.by_alias.get(name)).or_else(by_own_alias).copied()
    }

    /// Returns whether a value is read in which there is a field that is not among these.
    fn reads_unknown(&self) -> Verdict {
        if self.deny_unknown {
            Verdict::Fails
        } else if self.others.is_empty() {
            Verdict::Reads
        } else {
            Verdict::Unknown
        }
    }

    /// Returns whether a value that these write is read where `field` is expected, which is not among these.
    fn writes_without(&self, field: &Field) -> Verdict {
        if field.read != Presence::Always {
            Verdict::Reads
        } else if self.rest.is_none() && self.others.is_empty() {
            Verdict::Fails
        } else {
            Verdict::Unknown
        }
    }
}

/// Returns whether `field` is read where `writer` stands for it, and whether a value travels from one to the other.
fn reads_field(writer: &Field, field: &Field, reader: &FlatFields<'_>) -> (Verdict, bool) {
    let has_name = writer.name == field.name || field.aliases.contains(&writer.name);
    let missing = if field.read == Presence::Always { Verdict::Fails } else { Verdict::Reads };
    match (writer.written, field.read) {
        (Presence::Never, _) => (missing, false),
        (_, Presence::Never) => (reader.reads_unknown(), false),
        _ if !has_name => (missing.max(reader.reads_unknown()), false),
        (Presence::Sometimes, _) => (missing, true),
        (Presence::Always, _) => (Verdict::Reads, true),
    }
}

impl<'s> TypeComparer<'s, '_> {
    pub(super) fn compare_structs(
        &mut self,
        sides: [TypeSide<'s>; 2],
        old: Fields<'s>,
        new: Fields<'s>,
        place: Place,
    ) {
        let (old, new) = (FlatFields::new(self.old, old), FlatFields::new(self.new, new));
        let mut partners = BTreeMap::new();
        for (index, field) in old.fields.iter().enumerate() {
            if !self.spend() {
                return;
            }
            match new.find(field.field).filter(|partner| !partners.contains_key(partner)) {
                Some(partner) => {
                    partners.insert(partner, index);
                    self.compare_fields([*field, new.fields[partner]], [&old, &new], place);
                }
                None => self.report_removed(field.field, &new, place),
            }
        }
        for (index, field) in new.fields.iter().enumerate() {
            if !partners.contains_key(&index) && self.spend() {
                self.report_added(field.field, &old, place);
            }
        }
        if !partners.values().is_sorted() {
            self.report(place, AppRule::FieldMoved, Ways::default(), [None, None]);
        }
        match (old.deny_unknown, new.deny_unknown) {
            (false, true) => self.report_types(place, AppRule::UnknownFieldsDenied, Ways::default(), sides),
            (true, false) => self.report_types(place, AppRule::UnknownFieldsAccepted, Ways::default(), sides),
            _ => {}
        }
        self.compare_flattened(sides, &old, &new, place);
    }

    fn compare_fields(
        &mut self,
        [old, new]: [FlatField<'s>; 2],
        [old_fields, new_fields]: [&FlatFields<'s>; 2],
        place: Place,
    ) {
        let is_buffered = place.is_buffered || old.is_flattened || new.is_flattened;
        let (old, new) = (old.field, new.field);
        let (old_to_new, travels) = reads_field(old, new, new_fields);
        let (new_to_old, travels_back) = reads_field(new, old, old_fields);
        let verdicts = Ways::new(old_to_new, new_to_old);
        let within = self.within(place, format!(".{}", old.name));
        if old.name == new.name {
            self.report_presence(old, new, verdicts, within);
        } else {
            let names = [Some(format!("`{}`", old.name)), Some(format!("`{}`", new.name))];
            self.report(within, AppRule::FieldRenamed, verdicts, names);
        }
        let lost = |alias: &&String| **alias != new.name && !new.aliases.contains(alias);
        if let Some(alias) = old.aliases.iter().find(lost) {
            let names = [Some(format!("`{alias}`")), None];
            self.report(within, AppRule::AliasRemoved, Ways::default(), names);
        }
        let ways = Ways::new(place.ways.old_to_new && travels, place.ways.new_to_old && travels_back);
        self.push(&old.ty, &new.ty, Place { ways, is_buffered, ..within });
    }

    /// Reports that a field is written or has to be there more often or less often.
    fn report_presence(&mut self, old: &Field, new: &Field, verdicts: Ways<Verdict>, within: Place) {
        if (old.written, old.read) == (new.written, new.read) {
            return;
        }
        let rule = match (old.read, new.read) {
            (Presence::Sometimes | Presence::Never, Presence::Always) => AppRule::FieldRequired,
            (Presence::Always, Presence::Sometimes | Presence::Never) => AppRule::FieldOptional,
            _ => AppRule::FieldWritten,
        };
        let is_option = |types, field: &Field| matches!(Node::of(types, &field.ty), Node::Option(_));
        let has_type_rule = is_option(self.old, old) != is_option(self.new, new);
        if rule != AppRule::FieldWritten && has_type_rule && verdicts == Ways::default() {
            return;
        }
        let text = |field: &Field| Some(presence_text(field));
        self.report(within, rule, verdicts, [text(old), text(new)]);
    }

    fn report_removed(&mut self, field: &'s Field, new: &FlatFields<'s>, place: Place) {
        let is_written = field.written != Presence::Never;
        let is_alias_of_another = new.by_alias.contains_key(field.name.as_str());
        let old_to_new = match (is_written, is_alias_of_another) {
            (false, _) => Verdict::Reads,
            // The reader has the field twice then.
            (true, true) => Verdict::Fails,
            (true, false) => new.reads_unknown(),
        };
        let verdicts = Ways::new(old_to_new, new.writes_without(field));
        let within = self.within(place, format!(".{}", field.name));
        self.report(within, AppRule::FieldRemoved, verdicts, [Some(type_text(&field.ty)), None]);
        if let Some((_, value)) = new.rest.filter(|_| is_written) {
            let ways = Ways { new_to_old: false, ..place.ways };
            self.push(&field.ty, value, Place { ways, is_buffered: true, ..within });
        }
    }

    fn report_added(&mut self, field: &'s Field, old: &FlatFields<'s>, place: Place) {
        let is_written = field.written != Presence::Never;
        let is_alias_of_another = old.by_alias.contains_key(field.name.as_str());
        let new_to_old = match (is_written, is_alias_of_another) {
            (false, _) => Verdict::Reads,
            (true, true) => Verdict::Fails,
            (true, false) => old.reads_unknown(),
        };
        let verdicts = Ways::new(old.writes_without(field), new_to_old);
        let within = self.within(place, format!(".{}", field.name));
        self.report(within, AppRule::FieldAdded, verdicts, [None, Some(type_text(&field.ty))]);
        if let Some((_, value)) = old.rest.filter(|_| is_written) {
            let ways = Ways { old_to_new: false, ..place.ways };
            self.push(value, &field.ty, Place { ways, is_buffered: true, ..within });
        }
    }

    fn compare_flattened(
        &mut self,
        sides: [TypeSide<'s>; 2],
        old: &FlatFields<'s>,
        new: &FlatFields<'s>,
        place: Place,
    ) {
        let within = self.within(place, ".*");
        let place = Place { is_buffered: true, ..within };
        match (old.rest, new.rest) {
            (Some((key, value)), Some((new_key, new_value))) => {
                let within = self.within(place, "{key}");
                self.push(key, new_key, within);
                self.push(value, new_value, place);
            }
            (None, None) => {}
            (rest, _) => {
                let verdicts = if rest.is_none() {
                    Ways::new(Verdict::Reads, Verdict::Unknown)
                } else {
                    Ways::new(Verdict::Unknown, Verdict::Reads)
                };
                self.report_types(place, AppRule::FlattenChanged, verdicts, sides);
            }
        }
        if old.others.len() == new.others.len() {
            let place = Place { is_uncertain: true, ..place };
            for (old, new) in old.others.iter().zip(&new.others) {
                self.push(old, new, place);
            }
        } else {
            self.report_types(place, AppRule::FlattenChanged, Ways::both(Verdict::Unknown), sides);
        }
    }
}

fn presence_text(field: &Field) -> String {
    let written = match field.written {
        Presence::Always => "always written",
        Presence::Sometimes => "sometimes written",
        Presence::Never => "never written",
    };
    let read = match field.read {
        Presence::Always => "required",
        Presence::Sometimes => "optional",
        Presence::Never => "not read",
    };
    format!("{written}, {read}")
}

//! Enums: their variants, and how they are told apart.

use std::collections::{BTreeMap, BTreeSet};

use cocaine::schema::{Content, EnumDefinition, Presence, Tagging, Type, Variant};

use super::{
    comparer::{Place, TypeComparer, TypeSide, Ways},
    node::{Fields, Node, Types, Verdict},
    rules::AppRule,
    type_text::type_text,
};

impl<'s> TypeComparer<'s, '_> {
    pub(super) fn compare_enums(&mut self, old: &'s EnumDefinition, new: &'s EnumDefinition, place: Place) {
        if old.tagging != new.tagging {
            let verdicts = Ways::new(reads_tagging(old, new), reads_tagging(new, old));
            let texts = [Some(tagging_text(&old.tagging)), Some(tagging_text(&new.tagging))];
            return self.report(place, AppRule::TaggingChanged, verdicts, texts);
        }
        let pairs = pair_variants(old, new);
        for (variant, partner) in old.variants.iter().zip(&pairs) {
            if !self.spend() {
                return;
            }
            let within = self.within(place, format!("({})", variant.name));
            match partner.and_then(|index| new.variants.get(index)) {
                Some(partner) => self.compare_variants([variant, partner], [old, new], within),
                None => self.report_variant(variant, new, false, within),
            }
        }
        let paired: BTreeSet<_> = pairs.iter().flatten().copied().collect();
        for (index, variant) in new.variants.iter().enumerate() {
            if !paired.contains(&index) && self.spend() {
                let within = self.within(place, format!("({})", variant.name));
                self.report_variant(variant, old, true, within);
            }
        }
        self.compare_order([old, new], &pairs, place);
    }

    /// Reports a variant that `other`, the enum of the other side, does not have.
    fn report_variant(&mut self, variant: &Variant, other: &EnumDefinition, is_new: bool, place: Place) {
        let verdict = if variant.written == Presence::Never {
            Verdict::Reads
        } else {
            reads_unknown(other, &variant.content)
        };
        let text = Some(format!("`{}`{}", variant.name, content_text(&variant.content)));
        if is_new {
            let verdicts = Ways::new(Verdict::Reads, verdict);
            self.report(place, AppRule::VariantAdded, verdicts, [None, text]);
        } else {
            let verdicts = Ways::new(verdict, Verdict::Reads);
            self.report(place, AppRule::VariantRemoved, verdicts, [text, None]);
        }
    }

    fn compare_variants(
        &mut self,
        [old, new]: [&'s Variant; 2],
        [old_enum, new_enum]: [&'s EnumDefinition; 2],
        place: Place,
    ) {
        let (old_to_new, travels) = reads_variant(old, new, new_enum);
        let (new_to_old, travels_back) = reads_variant(new, old, old_enum);
        let verdicts = Ways::new(old_to_new, new_to_old);
        let names = || [Some(format!("`{}`", old.name)), Some(format!("`{}`", new.name))];
        if old.name != new.name {
            self.report(place, AppRule::VariantRenamed, verdicts, names());
        } else if (old.written, old.read) != (new.written, new.read) {
            self.report(place, AppRule::VariantPresence, verdicts, names());
        }
        if old.other != new.other {
            self.report(place, AppRule::OtherVariant, Ways::default(), names());
        }
        let lost = |alias: &&String| **alias != new.name && !new.aliases.contains(alias);
        if let Some(alias) = old.aliases.iter().find(lost) {
            let names = [Some(format!("`{alias}`")), None];
            self.report(place, AppRule::AliasRemoved, Ways::default(), names);
        }
        let ways = Ways::new(place.ways.old_to_new && travels, place.ways.new_to_old && travels_back);
        let place = Place { ways, ..place };
        match &old_enum.tagging {
            Tagging::Internal { .. } => self.compare_tagged_contents(&old.content, &new.content, place),
            Tagging::Untagged => {
                let place = Place { is_buffered: true, is_uncertain: true, ..place };
                self.compare_contents(&old.content, &new.content, false, place);
            }
            Tagging::External => self.compare_contents(&old.content, &new.content, false, place),
            Tagging::Adjacent { .. } => self.compare_contents(&old.content, &new.content, true, place),
        }
    }

    /// Compares contents that stand for themselves. In adjacent enums a missing one is `None`.
    fn compare_contents(&mut self, old: &'s Content, new: &'s Content, is_adjacent: bool, place: Place) {
        let sides = (content_side(self.old, old), content_side(self.new, new));
        let reads_missing = |content: &Content| {
            let is_option = matches!(content, Content::Newtype(Type::Option(_)));
            if is_adjacent && is_option { Verdict::Reads } else { Verdict::Fails }
        };
        let reads_as_unit = |side: TypeSide<'_>| match side.node {
            Node::Unit => Verdict::Reads,
            _ => Verdict::Fails,
        };
        let verdicts = match sides {
            (None, None) => return,
            (Some(old), Some(new)) => return self.compare_sides([old, new], place),
            (None, Some(side)) => Ways::new(reads_missing(new), reads_as_unit(side)),
            (Some(side), None) => Ways::new(reads_as_unit(side), reads_missing(old)),
        };
        self.report_contents([old, new], verdicts, place);
    }

    /// Compares contents that stand beside the tag, as fields.
    fn compare_tagged_contents(&mut self, old: &'s Content, new: &'s Content, place: Place) {
        let place = Place { is_buffered: true, ..place };
        let fields = (tagged_fields(self.old, old), tagged_fields(self.new, new));
        match (fields, content_side(self.old, old), content_side(self.new, new)) {
            ((Some(old), Some(new)), _, _) => {
                let side = |fields| TypeSide { node: Node::Struct(fields), ty: None };
                self.compare_structs([side(old), side(new)], old, new, place);
            }
            (_, Some(old), Some(new)) => self.compare_sides([old, new], place),
            _ => self.report_contents([old, new], Ways::both(Verdict::Unknown), place),
        }
    }

    fn report_contents(&mut self, contents: [&Content; 2], verdicts: Ways<Verdict>, place: Place) {
        let text = |content: &Content| match content {
            Content::Unit => "no content".to_owned(),
            content => content_text(content).trim_start_matches([':', ' ']).to_owned(),
        };
        self.report(place, AppRule::VariantContent, verdicts, contents.map(|content| Some(text(content))));
    }

    /// Reports variants that stand in another order, which matters if they have no tags: the first that fits is taken.
    fn compare_order(&mut self, [old, new]: [&EnumDefinition; 2], pairs: &[Option<usize>], place: Place) {
        let common: Vec<_> = pairs.iter().flatten().copied().collect();
        let is_untagged = old.tagging == Tagging::Untagged;
        let is_moved = !common.is_sorted();
        // One that is tried before others may take their values.
        let is_between = new.variants.len() > common.len()
            && common.iter().max().is_some_and(|last| last + 1 > common.len());
        let is_removed_between =
            pairs.iter().rposition(Option::is_some).is_some_and(|last| last + 1 > common.len());
        if is_untagged && (is_moved || is_between || is_removed_between) {
            let texts = [old, new].map(|definition| Some(variant_names(definition)));
            self.report(place, AppRule::UntaggedOrder, Ways::both(Verdict::Unknown), texts);
        } else if is_moved {
            self.report(place, AppRule::VariantMoved, Ways::default(), [None, None]);
        }
    }
}

/// Returns the index of the new variant that stands for each old one.
fn pair_variants(old: &EnumDefinition, new: &EnumDefinition) -> Vec<Option<usize>> {
    let (mut by_name, mut by_alias) = (BTreeMap::new(), BTreeMap::new());
    for (index, variant) in new.variants.iter().enumerate() {
        by_name.entry(variant.name.as_str()).or_insert(index);
        for alias in &variant.aliases {
            by_alias.entry(alias.as_str()).or_insert(index);
        }
    }
    // The names of variants without tags do not travel: one of another name in the same position is taken for the same.
    let has_positions = old.tagging == Tagging::Untagged && old.variants.len() == new.variants.len();
    let names: BTreeSet<_> = old.variants.iter().map(|variant| variant.name.as_str()).collect();
    let mut taken = BTreeSet::new();
    let mut pairs = Vec::new();
    for (index, variant) in old.variants.iter().enumerate() {
        let name = variant.name.as_str();
        let own_alias = || variant.aliases.iter().find_map(|alias| by_name.get(alias.as_str()).copied());
        let position = || {
            let is_free = |new: &&Variant| has_positions && !names.contains(new.name.as_str());
            new.variants.get(index).filter(is_free).map(|_| index)
        };
        let found =
            by_name.get(name).or_else(|| by_alias.get(name)).copied().or_else(own_alias).or_else(position);
        pairs.push(found.filter(|index| taken.insert(*index)));
    }
    pairs
}

/// Returns whether `variant` is read where `writer` stands for it, and whether its content travels.
fn reads_variant(writer: &Variant, variant: &Variant, reader: &EnumDefinition) -> (Verdict, bool) {
    let has_name = writer.name == variant.name
        || variant.aliases.contains(&writer.name)
        || reader.tagging == Tagging::Untagged;
    if writer.written == Presence::Never {
        (Verdict::Reads, false)
    } else if variant.read == Presence::Never || !has_name {
        (reads_unknown(reader, &writer.content), false)
    } else {
        (Verdict::Reads, true)
    }
}

/// Returns whether a variant with this content and an unknown name is read.
fn reads_unknown(reader: &EnumDefinition, content: &Content) -> Verdict {
    let has_other = reader.variants.iter().any(|variant| variant.other && variant.read != Presence::Never);
    match &reader.tagging {
        Tagging::Untagged => Verdict::Unknown,
        Tagging::Internal { .. } if has_other => Verdict::Reads,
        _ if has_other && *content == Content::Unit => Verdict::Reads,
        _ => Verdict::Fails,
    }
}

/// Returns whether an enum is read as one whose variants are told apart in another way.
fn reads_tagging(writer: &EnumDefinition, reader: &EnumDefinition) -> Verdict {
    if writer.variants.iter().all(|variant| variant.written == Presence::Never) {
        return Verdict::Reads;
    }
    let tag = |tagging: &Tagging| match tagging {
        Tagging::Internal { tag } | Tagging::Adjacent { tag, .. } => Some(tag.clone()),
        Tagging::External | Tagging::Untagged => None,
    };
    let is_untagged = [writer, reader].iter().any(|side| side.tagging == Tagging::Untagged);
    match (tag(&writer.tagging), tag(&reader.tagging)) {
        _ if is_untagged => Verdict::Unknown,
        (Some(tag), Some(other)) if tag == other => Verdict::Unknown,
        // The tag of the reader may be a field of a variant, or the name of one.
        (Some(_), _) => Verdict::Unknown,
        _ => Verdict::Fails,
    }
}

fn content_side<'s>(types: &'s Types, content: &'s Content) -> Option<TypeSide<'s>> {
    let ty = if let Content::Newtype(of) = content { Some(of) } else { None };
    Node::of_content(types, content).map(|node| TypeSide { node, ty })
}

/// Returns the fields of content that stands beside a tag, if they can be told.
fn tagged_fields<'s>(types: &'s Types, content: &'s Content) -> Option<Fields<'s>> {
    match Node::of_content(types, content) {
        None | Some(Node::Unit) => Some(Fields { fields: &[], deny_unknown: false }),
        Some(Node::Struct(fields)) => Some(fields),
        Some(_) => None,
    }
}

fn content_text(content: &Content) -> String {
    match content {
        Content::Unit => String::new(),
        Content::Newtype(of) => format!(": {}", type_text(of)),
        Content::Tuple(types) => format!(": an array of {}", types.len()),
        Content::Struct(fields) => {
            format!(": fields {}", names_text(fields.iter().map(|field| field.name.as_str())))
        }
    }
}

fn variant_names(definition: &EnumDefinition) -> String {
    names_text(definition.variants.iter().map(|variant| variant.name.as_str()))
}

/// Returns the first of the names.
fn names_text<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut names = names.fuse();
    let first: Vec<_> = names.by_ref().take(10).collect();
    let more = if names.next().is_some() { ", …" } else { "" };
    first.join(", ") + more
}

fn tagging_text(tagging: &Tagging) -> String {
    match tagging {
        Tagging::External => "by name".to_owned(),
        Tagging::Internal { tag } => format!("by the field `{tag}`"),
        Tagging::Adjacent { tag, content } => format!("by the field `{tag}` beside `{content}`"),
        Tagging::Untagged => "by content".to_owned(),
    }
}

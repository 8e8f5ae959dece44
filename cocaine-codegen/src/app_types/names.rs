//! The names of types in Rust.

use std::collections::BTreeMap;

use crate::naming::{self, NameScope};

/// Returns the name in Rust of each of `names`, which are as in `shop::Page<text>`: the last part of the path, with the
/// arguments of generics and with the modules only as far as that tells it from others and from what generated code uses.
pub(super) fn name_types<'s>(names: &[&'s str], scope: &mut NameScope) -> BTreeMap<&'s str, String> {
    let candidates: Vec<_> = names.iter().map(|name| candidates(name)).collect();
    let mut choices = vec![0; names.len()];
    loop {
        let mut wanted: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, choice) in choices.iter().enumerate() {
            wanted.entry(&candidates[index][*choice]).or_default().push(index);
        }
        let mut is_settled = true;
        for (name, indexes) in wanted {
            let is_free = !naming::is_taken_type(name) && scope.is_free(name);
            if is_free && indexes.len() == 1 {
                continue;
            }
            for index in indexes {
                let has_longer = choices[index] + 1 < candidates[index].len();
                choices[index] += usize::from(has_longer);
                is_settled &= !has_longer;
            }
        }
        if is_settled {
            break;
        }
    }
    let claim = |((name, candidates), choice): ((&&'s str, &Vec<String>), &usize)| {
        let wanted = candidates[*choice].clone();
        let wanted = if naming::is_taken_type(&wanted) { format!("{wanted}Type") } else { wanted };
        (*name, scope.claim(wanted, ""))
    };
    names.iter().zip(&candidates).zip(&choices).map(claim).collect()
}

/// Returns the names that a type could have, the shortest first.
fn candidates(name: &str) -> Vec<String> {
    let (path, arguments) = name.find('<').map_or((name, ""), |at| name.split_at(at));
    let segments: Vec<_> = path.split("::").filter(|segment| !segment.is_empty()).collect();
    let suffix: String = arguments
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .filter_map(|argument| argument.rsplit("::").next())
        .map(|argument| naming::camel(argument, ""))
        .collect();
    let suffixed = |from: usize, suffix: &str| {
        let words = segments.get(from..).unwrap_or_default().join("_");
        let name = naming::camel(&words, "") + suffix;
        if name.is_empty() { "Type".to_owned() } else { name }
    };
    let last = segments.len().saturating_sub(1);
    let mut candidates = vec![suffixed(last, "")];
    candidates.extend((0..=last).rev().map(|from| suffixed(from, &suffix)));
    candidates.dedup();
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(names: &[&str]) -> Vec<String> {
        let mut scope = NameScope::default();
        scope.claim("Client".to_owned(), "");
        let found = name_types(names, &mut scope);
        names.iter().map(|name| found[name].clone()).collect()
    }

    #[test]
    fn names_are_as_short_as_possible() {
        assert_eq!(name(&["shop::Link", "shop::Page<text>"]), ["Link", "Page"]);
        assert_eq!(
            name(&["shop::Page<text>", "shop::Page<option<shop::HTTPLink>>", "shop::Page<u8, 2>"]),
            ["PageText", "PageOptionHttpLink", "PageU8N2"]
        );
        assert_eq!(name(&["a::Meta", "a::other::Meta", "Meta"]), ["AMeta", "OtherMeta", "Meta"]);
    }

    #[test]
    fn names_of_the_runtime_are_left_alone() {
        assert_eq!(
            name(&["shop::Value", "Result", "shop::Client"]),
            ["ShopValue", "ResultType", "ShopClient"]
        );
    }

    #[test]
    fn any_text_becomes_a_name() {
        assert_eq!(name(&["", "<", "::", "*/", "ж"]), ["Type", "Type2", "Type3", "Type4", "U436"]);
        assert_eq!(name(&["a::b", "a::B", "A::b", "b#2"]), ["AB", "AB2", "AB3", "B2"]);
    }
}

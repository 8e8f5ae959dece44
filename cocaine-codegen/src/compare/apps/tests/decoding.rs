//! The decoder of payloads has the last word: what the comparison says of two types holds of every value.

use std::collections::HashSet;

use super::{
    super::{
        comparer::{Budget, TypeComparer},
        node::Verdict,
    },
    samples::{Sample, samples},
};

/// Returns what the comparison says of a value that is written as one type and read as another.
fn verdict(writer: &Sample, reader: &Sample) -> Verdict {
    let equal = HashSet::new();
    let mut budget = Budget { steps: 100_000, findings: 1_000 };
    let mut comparer = TypeComparer::new(&writer.schema.types, &reader.schema.types, &equal, &mut budget);
    comparer.compare("", &writer.schema.root, &reader.schema.root);
    let verdicts = comparer.findings.iter().map(|finding| finding.verdicts.old_to_new);
    verdicts.max().unwrap_or_default()
}

#[test]
fn verdicts_agree_with_decoding_of_all_pairs() {
    let samples = samples();
    let (mut wrong, mut undecided) = (Vec::new(), 0);
    for writer in &samples {
        for reader in &samples {
            let verdict = verdict(writer, reader);
            let refused = writer.values.iter().any(|value| !(reader.decodes)(value));
            let expected = if refused { Verdict::Fails } else { Verdict::Reads };
            if verdict == Verdict::Unknown {
                undecided += usize::from(!refused);
            } else if verdict != expected {
                let [from, to] =
                    [writer, reader].map(|sample| format!("{} as {}", sample.name, sample.schema.root));
                wrong.push(format!("{from} -> {to}: {verdict:?}, but {expected:?}"));
            }
        }
    }
    let pairs = samples.len() * samples.len();
    assert!(wrong.is_empty(), "{} of {pairs}:\n{}", wrong.len(), wrong[..wrong.len().min(60)].join("\n"));
    assert!(
        undecided * 50 < pairs,
        "{undecided} pairs of {pairs} are read, but the comparison does not know it"
    );
}

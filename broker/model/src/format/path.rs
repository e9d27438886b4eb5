//! Paths: where in a document something is, in the same words whichever syntax it came in. XML does
//! not tell a list of one from what can only be one, so the first of a list has no index, but where
//! a name is always that of a list.

use std::fmt::Write as _;

use crate::facts::Step;

/// Names that are always of lists, as far as paths go through them.
const LISTS: [&str; 5] = ["entry", "section", "contained", "coding", "extension"];

/// The path of these steps.
pub(crate) fn of(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    append(&mut path, steps);
    path
}

/// Appends these steps to a path.
pub(crate) fn append(path: &mut String, steps: &[Step<'_>]) {
    for step in steps {
        if !path.is_empty() {
            path.push('.');
        }
        // A name that could not be FHIR's may be anything, a patient's name included.
        path.push_str(if is_plain(&step.name) {
            &step.name
        } else {
            "?"
        });
        if step.index > 0 || LISTS.contains(&&*step.name) {
            // Writing to a String cannot fail.
            let _ = write!(path, "[{}]", step.index);
        }
    }
}

/// Whether a name could be one of FHIR's.
pub(super) fn is_plain(name: &str) -> bool {
    let name = name.strip_prefix('_').unwrap_or(name);
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

//! The bad documents: for each rule at least one that breaks it and no other. A line each: the rule,
//! what is wrong, the good document it is made of, and the change.

mod bytes;
mod coded;
mod envelope;
mod profiles;
mod structure;

use super::{Sample, Syntax, classes::class, draft::Draft};

/// One change to one good document.
struct Broken {
    rule: &'static str,
    /// What is wrong, in two or three words.
    what: &'static str,
    /// The class it is made of.
    of: &'static str,
    syntax: Syntax,
    edit: fn(&mut Draft),
    /// What `axle validate` is told, where that is not what the class is validated with.
    arguments: Option<&'static [&'static str]>,
    /// Rules that are broken by the same change, because it cannot be otherwise.
    consequences: &'static [&'static str],
    is_committed: bool,
}

const fn broken(
    rule: &'static str,
    what: &'static str,
    of: &'static str,
    syntax: Syntax,
    edit: fn(&mut Draft),
) -> Broken {
    Broken {
        rule,
        what,
        of,
        syntax,
        edit,
        arguments: None,
        consequences: &[],
        is_committed: true,
    }
}

impl Broken {
    /// The same, with `axle validate` told this.
    const fn told(mut self, arguments: &'static [&'static str]) -> Self {
        self.arguments = Some(arguments);
        self
    }

    /// The same, where these rules cannot but be broken as well.
    const fn with_consequences(mut self, consequences: &'static [&'static str]) -> Self {
        self.consequences = consequences;
        self
    }

    /// The same, but too large to be committed.
    const fn too_large_to_commit(mut self) -> Self {
        self.is_committed = false;
        self
    }
}

/// Every bad document, in the order of the rules.
pub(super) fn all() -> Vec<Sample> {
    let levels = [
        bytes::BROKEN,
        envelope::BROKEN,
        structure::BROKEN,
        coded::BROKEN,
        profiles::BROKEN,
    ];
    levels.into_iter().flatten().map(sample).collect()
}

fn sample(broken: &Broken) -> Sample {
    let class = class(broken.of);
    let name = format!("{}-{}", broken.rule, broken.what);
    let mut draft = (class.make)(&name);
    (broken.edit)(&mut draft);
    let extension = broken.syntax.extension();
    Sample {
        path: format!("broken/{name}.{extension}"),
        content: draft.written(broken.syntax),
        arguments: broken.arguments.unwrap_or(class.arguments).to_vec(),
        rule: Some(broken.rule),
        consequences: broken.consequences,
        is_committed: broken.is_committed,
    }
}

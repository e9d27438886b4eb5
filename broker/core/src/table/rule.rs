//! Rule: what an operator wants done with some documents besides their class's way. All that match
//! apply, in the order of the table. A rule never decides over a recipient that the sender named.

use axle_model::{
    envelope::{Priority, RecipientType},
    ods::OdsCode,
};
use toml::Spanned;

use super::{
    class::id,
    condition::{Condition, Scope},
    entry::Entry,
};

/// The most organisations that one rule copies to.
const COPIES_MAX: usize = 16;

/// A rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its name in the table.
    pub id: Box<str>,
    /// Where it stands in the table.
    pub line: u32,
    /// Who gets a copy.
    pub copy_to: Vec<OdsCode>,
    /// What such a copy is for; `None` for what the table says of all copies.
    pub recipient_type: Option<RecipientType>,
    /// Whether nobody gets a copy.
    pub no_copies: bool,
    /// Who gets the document in place of a recipient that the sender did not name.
    pub replace_primary: Option<OdsCode>,
    /// Whether the document is set aside until an operator lets it go.
    pub hold: bool,
    /// How soon the document should be collected.
    pub priority: Option<Priority>,
    /// Whether no later rule applies.
    pub stop: bool,
}

impl Rule {
    /// Reads a `[[rule]]`; `None` when it lacks what it cannot be without.
    pub(super) fn read(
        mut entry: Entry<'_, '_>,
        line: u32,
        scope: Scope<'_>,
    ) -> Option<(Self, Condition)> {
        for key in ["id", "when", "then"] {
            entry.must(key);
        }
        let mut rule = Self {
            line,
            ..Self::default()
        };
        let id = entry.read("id", id);
        let when = entry.table("when", "`when` of a [[rule]]");
        let condition = when.map(|within| Condition::read(within, scope));
        if let Some(then) = entry.table("then", "`then` of a [[rule]]") {
            rule.read_then(then);
        }
        entry.finish();
        rule.id = id?.into_inner();
        Some((rule, condition?))
    }

    fn read_then(&mut self, mut then: Entry<'_, '_>) {
        if then.is_empty() {
            then.wrong("it would do nothing: say what is to be done");
        }
        let copies = then.list("copy_to", OdsCode::parse).unwrap_or_default();
        if let Some(beyond) = copies.get(COPIES_MAX) {
            let what = format!("`copy_to` takes at most {COPIES_MAX} organisations");
            then.wrong_at(beyond.span(), what);
        }
        self.copy_to = copies.into_iter().map(Spanned::into_inner).collect();
        let for_what = then.read("recipient_type", recipient_type);
        if let (Some(misplaced), true) = (&for_what, self.copy_to.is_empty()) {
            let what = "`recipient_type` is that of the copies: it needs `copy_to`";
            then.wrong_at(misplaced.span(), what);
        }
        self.recipient_type = for_what.map(Spanned::into_inner);
        let copies = then.read("copies", |text| match text {
            "none" => Ok(()),
            _ => Err("write \"none\", or leave it out"),
        });
        self.no_copies = copies.is_some();
        let replaced = then.read("replace_primary", OdsCode::parse);
        self.replace_primary = replaced.map(Spanned::into_inner);
        self.hold = then.flag("hold").unwrap_or_default();
        let priority = then.read("priority", |text| match text {
            "high" => Ok(Priority::Urgent),
            "routine" => Ok(Priority::Routine),
            _ => Err("write \"high\" or \"routine\""),
        });
        self.priority = priority.map(Spanned::into_inner);
        self.stop = then.flag("stop").unwrap_or_default();
        then.finish();
    }
}

/// What a copy is for.
pub(super) fn recipient_type(text: &str) -> Result<RecipientType, &'static str> {
    RecipientType::parse(text).ok_or("write \"FI\" (for information) or \"FA\" (for action)")
}

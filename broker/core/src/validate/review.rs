//! A review: what the rules have found so far, with each rule's severity, remedy and ITK3 code taken
//! from the table and the configuration. The rules themselves are elsewhere.

use std::{borrow::Cow, fmt::Write as _};

use axle_model::{
    format::{Malformed, Position},
    refusal::{Finding, Reason, Refusal, Severity},
};

use super::{Rules, Strictness, table};

/// The most findings that one rule gives; how many more there are is told with the last of them.
const FINDINGS_PER_RULE_MAX: usize = 20;

/// What the rules have found so far.
pub(super) struct Review<'r> {
    rules: &'r Rules,
    strictness: Cow<'r, Strictness>,
    findings: Vec<(usize, Finding)>,
    /// How often each rule was broken.
    counts: [u32; table::COUNT],
}

impl<'r> Review<'r> {
    pub(super) const fn new(rules: &'r Rules) -> Self {
        Self {
            rules,
            strictness: Cow::Borrowed(&rules.strictness),
            findings: Vec::new(),
            counts: [0; table::COUNT],
        }
    }

    pub(super) const fn rules(&self) -> &'r Rules {
        self.rules
    }

    /// The severities from here on: those of the document's workflow, sender and class.
    pub(super) fn under(&mut self, strictness: Strictness) {
        self.strictness = Cow::Owned(strictness);
    }

    /// Records that the rule `id` is broken.
    pub(super) fn found(&mut self, id: &str, path: impl Into<String>, what: impl Into<String>) {
        self.record(id, Told::new(path, what));
    }

    /// Records that the rule `id` is broken where that is, unless configured, only a warning.
    pub(super) fn warned(&mut self, id: &str, path: impl Into<String>, what: impl Into<String>) {
        let told = Told::new(path, what);
        let default = Some(Severity::Warning);
        self.record(id, Told { default, ..told });
    }

    /// Records that the rule `id` is broken in a way that has an ITK3 code of its own.
    pub(super) fn coded(
        &mut self,
        id: &str,
        itk3_code: u32,
        path: impl Into<String>,
        what: impl Into<String>,
    ) {
        let told = Told::new(path, what);
        let itk3_code = Some(itk3_code);
        self.record(id, Told { itk3_code, ..told });
    }

    /// Records that the rule `malformed` names is broken, in the reader's words.
    pub(super) fn flawed(&mut self, malformed: &Malformed) {
        let told = Told::new(malformed.path.clone(), malformed.what.clone());
        let position = malformed.position;
        self.record(malformed.rule, Told { position, ..told });
    }

    /// Records what stopped the reading: fatal, whatever the rule's own severity.
    pub(super) fn stopped(&mut self, malformed: Malformed) {
        let told = Told {
            default: Some(Severity::Fatal),
            position: malformed.position,
            ..Told::new(malformed.path, malformed.what)
        };
        self.record(malformed.rule, told);
    }

    fn record(&mut self, id: &str, told: Told) {
        let Some((place, rule)) = table::find(id) else {
            return;
        };
        let default = told.default.unwrap_or(rule.severity);
        let Some(severity) = self.strictness.severity(place, default) else {
            return;
        };
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
            if *count as usize > FINDINGS_PER_RULE_MAX {
                return;
            }
        }
        let finding = Finding {
            rule: Some(rule.id),
            severity,
            path: told.path,
            what: told.what,
            remedy: rule.remedy.into(),
            itk3_code: told.itk3_code.or(rule.itk3_code),
            issue: rule.issue,
            position: told.position,
        };
        self.findings.push((place, finding));
    }

    /// Whether something was found after which nothing else can be checked.
    pub(super) fn is_stopped(&self) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|(_, finding)| finding.severity == Severity::Fatal)
    }

    /// Whether anything found is a reason to refuse.
    pub(super) fn refuses(&self) -> bool {
        self.findings
            .iter()
            .any(|(_, finding)| finding.severity < Severity::Warning)
    }

    /// Everything found, in the order of the rules.
    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        if self.findings.is_empty() {
            return Vec::new();
        }
        for (place, count) in self.counts.iter().enumerate() {
            let more = (*count as usize).saturating_sub(FINDINGS_PER_RULE_MAX);
            let last = self.findings.iter_mut().rfind(|(of, _)| *of == place);
            if let (1.., Some((_, last))) = (more, last) {
                let _ = write!(last.what, "; and {more} more of this kind");
            }
        }
        self.findings.sort_by_key(|(place, _)| *place);
        self.findings.into_iter().map(|(_, found)| found).collect()
    }

    /// The refusal: everything found, what refuses before what only warns.
    pub(super) fn refusal(self, reason: Reason) -> Refusal {
        let mut findings = self.into_findings();
        findings.sort_by_key(|finding| finding.severity >= Severity::Warning);
        let (what, remedy) = findings.first().map_or_else(Default::default, |leading| {
            let place = if leading.path.is_empty() {
                String::new()
            } else {
                format!(" ({})", leading.path)
            };
            let what = format!(
                "{}: {}{place}",
                leading.rule.unwrap_or_default(),
                leading.placed()
            );
            (what, leading.remedy.clone())
        });
        Refusal::new(reason, what, remedy).with(findings)
    }
}

/// What a rule says, before its severity is known.
struct Told {
    path: String,
    what: String,
    /// The severity unless it is set, where that is not the rule's own.
    default: Option<Severity>,
    /// The ITK3 code, where that is not the rule's own.
    itk3_code: Option<u32>,
    position: Option<Position>,
}

impl Told {
    fn new(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            what: what.into(),
            default: None,
            itk3_code: None,
            position: None,
        }
    }
}

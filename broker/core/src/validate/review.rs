//! A review: what the rules have found so far, with each rule's severity, remedy and ITK3 code taken
//! from the table and the configuration. The rules themselves are elsewhere.

use axle_model::{
    format::{Malformed, Position},
    refusal::{Finding, Reason, Refusal, Severity},
};

use super::{Rules, table};

/// What the rules have found so far.
pub(super) struct Review<'r> {
    rules: &'r Rules,
    findings: Vec<(usize, Finding)>,
}

impl<'r> Review<'r> {
    pub(super) const fn new(rules: &'r Rules) -> Self {
        Self {
            rules,
            findings: Vec::new(),
        }
    }

    pub(super) const fn rules(&self) -> &'r Rules {
        self.rules
    }

    /// Records that the rule `id` is broken.
    pub(super) fn found(&mut self, id: &str, path: impl Into<String>, what: impl Into<String>) {
        self.record(id, None, path.into(), what.into(), None);
    }

    /// Records that the rule `malformed` names is broken, in the reader's words.
    pub(super) fn flawed(&mut self, malformed: &Malformed) {
        let (path, what) = (malformed.path.clone(), malformed.what.clone());
        self.record(malformed.rule, None, path, what, malformed.position);
    }

    /// Records that the rule `id` is broken where that is, unless configured, only a warning.
    pub(super) fn warned(&mut self, id: &str, path: impl Into<String>, what: impl Into<String>) {
        self.record(id, Some(Severity::Warning), path.into(), what.into(), None);
    }

    /// The same as the last finding, answered with another ITK3 code.
    pub(super) fn answered_with(&mut self, itk3_code: u32) {
        if let Some((_, finding)) = self.findings.last_mut() {
            finding.itk3_code = Some(itk3_code);
        }
    }

    fn record(
        &mut self,
        id: &str,
        milder: Option<Severity>,
        path: String,
        what: String,
        position: Option<Position>,
    ) {
        let Some((order, rule)) = table::find(id) else {
            return;
        };
        let default = milder.unwrap_or(rule.severity);
        let severity = match rule.severity {
            Severity::Fatal => Some(Severity::Fatal),
            Severity::Error | Severity::Warning => self.rules.severity(rule.id, default),
        };
        let Some(severity) = severity else {
            return;
        };
        let finding = Finding {
            rule: Some(rule.id),
            severity,
            path,
            what,
            remedy: rule.remedy.into(),
            itk3_code: rule.itk3_code,
            issue: rule.issue,
            position,
        };
        self.findings.push((order, finding));
    }

    /// Records what stopped the reading: fatal, whatever the rule's own severity.
    pub(super) fn stopped(&mut self, malformed: Malformed) {
        let Some((order, rule)) = table::find(malformed.rule) else {
            return;
        };
        let finding = Finding {
            rule: Some(rule.id),
            severity: Severity::Fatal,
            path: malformed.path,
            what: malformed.what,
            remedy: rule.remedy.into(),
            itk3_code: rule.itk3_code,
            issue: rule.issue,
            position: malformed.position,
        };
        self.findings.push((order, finding));
    }

    /// Whether anything found is a reason to refuse.
    pub(super) fn refuses(&self) -> bool {
        self.findings
            .iter()
            .any(|(_, finding)| finding.severity < Severity::Warning)
    }

    /// Everything found, in the order of the rules.
    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        self.findings.sort_by_key(|(order, _)| *order);
        self.findings.into_iter().map(|(_, found)| found).collect()
    }

    /// The refusal: everything found, what refuses before what only warns.
    pub(super) fn refusal(self, reason: Reason) -> Refusal {
        let mut findings = self.into_findings();
        findings.sort_by_key(|finding| finding.severity == Severity::Warning);
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

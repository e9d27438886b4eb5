//! Values that a condition lists: codes with their system, and plain words.

/// A code within a system; the system of a plain word is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Value {
    system: Box<str>,
    code: Box<str>,
}

/// The system of the roles of organisations.
pub(super) const ROLE: &str = "role";

/// What a flag is written as.
pub(super) const fn flag_word(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

/// The system that a short name stands for.
pub(super) fn system_of(name: &str) -> Option<&'static str> {
    match name {
        "snomed" => Some("http://snomed.info/sct"),
        "loinc" => Some("http://loinc.org"),
        "ods" => Some("https://fhir.nhs.uk/Id/ods-organization-code"),
        "role" => Some(ROLE),
        _ => None,
    }
}

/// A word as it is.
pub(super) fn plain(text: &str) -> Result<Value, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    Ok(Value::plain(text))
}

impl Value {
    pub(super) fn plain(text: &str) -> Self {
        Self::of("", text)
    }

    pub(super) fn flag(flag: bool) -> Self {
        Self::plain(flag_word(flag))
    }

    pub(super) fn of(system: &str, code: &str) -> Self {
        Self {
            system: system.into(),
            code: code.into(),
        }
    }

    /// A code with its system.
    pub(super) fn coded(text: &str) -> Result<Self, &'static str> {
        let (system, code) = match text.split_once('|') {
            Some(full) => full,
            None => match text
                .split_once(':')
                .map(|(name, code)| (system_of(name), code))
            {
                Some((Some(system), code)) => (system, code),
                Some((None, _)) | None => ("", ""),
            },
        };
        if system.is_empty() || code.is_empty() {
            return Err("it is not a code: write snomed:CODE, loinc:CODE or SYSTEM-URL|CODE");
        }
        Ok(Self::of(system, code))
    }

    /// A role of organisations.
    pub(super) fn role(text: &str) -> Result<Self, &'static str> {
        let code = text.strip_prefix("role:").unwrap_or(text);
        let shape = code.strip_prefix("RO").is_some_and(|digits| {
            !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
        });
        if shape {
            Ok(Self::of(ROLE, code))
        } else {
            Err("it is not a role: write role:RO76 or another role of ODS")
        }
    }

    /// One of these words.
    pub(super) fn one_of(
        text: &str,
        words: &[&str],
        expected: &'static str,
    ) -> Result<Self, String> {
        if words.contains(&text) {
            Ok(Self::plain(text))
        } else {
            Err(format!("it must be {expected}"))
        }
    }

    /// Its system.
    pub(super) fn system(&self) -> &str {
        &self.system
    }

    /// Its code.
    pub(super) fn code(&self) -> &str {
        &self.code
    }
}

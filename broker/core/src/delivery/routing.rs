//! Routing: how a delivery's recipient and mailbox were found. Kept with the delivery, so that it can
//! be told long after the table has changed.

use axle_model::ods::OdsCode;

/// How a recipient was found, and its mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    /// What named the recipient.
    pub basis: Basis,
    /// The rule of the table that did, where it was one.
    pub rule: Option<Box<str>>,
    /// The organisations that stand for the recipient, one for another, in order; empty when the
    /// mailbox is its own.
    pub redirects: Vec<Redirect>,
    /// Whether the register says that the patient has died.
    pub deceased: bool,
}

/// What named a recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// The sender.
    #[default]
    Named,
    /// The register of patients: it is where the patient is registered.
    RegisteredPractice,
    /// The message's own header.
    HeaderReceiver,
    /// The table, for documents of a class that have no other recipient.
    Default,
    /// The document's distribution list: it gets a copy.
    DistributionList,
    /// A rule of the table that copies.
    CopyRule,
    /// A rule of the table that replaces recipients.
    ReplaceRule,
}

impl Basis {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Named,
        Self::RegisteredPractice,
        Self::HeaderReceiver,
        Self::Default,
        Self::DistributionList,
        Self::CopyRule,
        Self::ReplaceRule,
    ];

    /// The basis in a word; it is also what is kept of it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::RegisteredPractice => "registered-practice",
            Self::HeaderReceiver => "header-receiver",
            Self::Default => "default",
            Self::DistributionList => "distribution-list",
            Self::CopyRule => "copy-rule",
            Self::ReplaceRule => "replace-rule",
        }
    }

    /// Whether a copy is made for it, beside the recipient.
    pub const fn is_copy(self) -> bool {
        match self {
            Self::DistributionList | Self::CopyRule => true,
            Self::Named
            | Self::RegisteredPractice
            | Self::HeaderReceiver
            | Self::Default
            | Self::ReplaceRule => false,
        }
    }

    /// Whether the sender's permission is asked for: an operator's word in the table stands for it.
    pub const fn is_asked_for(self) -> bool {
        match self {
            Self::Named
            | Self::RegisteredPractice
            | Self::HeaderReceiver
            | Self::DistributionList => true,
            Self::Default | Self::CopyRule | Self::ReplaceRule => false,
        }
    }
}

/// One organisation standing for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// From this one.
    pub from: OdsCode,
    /// To this one.
    pub to: OdsCode,
    /// Why, in a few words.
    pub why: Box<str>,
}

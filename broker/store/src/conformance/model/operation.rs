//! What may be done to a store, in any order.

use proptest::prelude::*;

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Submits, under one of few names, one of few documents, to some of the practices.
    Submit {
        name: u8,
        body: u8,
        document: bool,
        recipients: u8,
        urgent: bool,
        /// About one of few patients, or about nobody.
        patient: u8,
    },
    /// Claims from a practice's mailbox.
    Claim { practice: u8, most: u8 },
    /// Moves one of the deliveries claimed so far, whether or not the lease still counts.
    Settle { lease: u8, how: u8 },
    /// Answers any delivery, if that counts.
    Answer { which: u8, code: u8 },
    /// Moves any delivery as its sender or an operator may, if its state lets them.
    Intervene { which: u8, how: u8 },
    /// Lets time pass, and moves what is due.
    Wait { seconds: u8 },
    /// Opens the store again.
    Reopen,
}

/// Any operation.
pub fn operation() -> impl Strategy<Value = Operation> {
    let submit = (
        0..12u8,
        0..4u8,
        any::<bool>(),
        1..8u8,
        any::<bool>(),
        0..4u8,
    );
    let submit =
        submit.prop_map(
            |(name, body, document, recipients, urgent, patient)| Operation::Submit {
                name,
                body,
                document,
                recipients,
                urgent,
                patient,
            },
        );
    prop_oneof![
        6 => submit,
        4 => (0..3u8, 1..4u8).prop_map(|(practice, most)| Operation::Claim { practice, most }),
        4 => (any::<u8>(), 0..6u8).prop_map(|(lease, how)| Operation::Settle { lease, how }),
        2 => (any::<u8>(), 0..5u8).prop_map(|(which, how)| Operation::Intervene { which, how }),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(which, code)| Operation::Answer { which, code }),
        2 => (0..120u8).prop_map(|seconds| Operation::Wait { seconds }),
        1 => Just(Operation::Reopen),
    ]
}

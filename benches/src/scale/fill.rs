//! Filling a store without a broker: through real commits, as many under way as a broker would have.

use std::{
    ops::Range,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use axle_broker::clock::{Clock as _, SystemClock};
use axle_model::ods::OdsCode;
use axle_store::{
    Store as _, StoreError,
    embedded::{Embedded, Options},
};
use tokio::task::JoinSet;

use crate::{
    documents::Template,
    estate::{EstateError, TRUST},
    load::job::Payload,
    stored::{acceptance, acknowledgement, claim},
};

const IN_FLIGHT: usize = 256;

/// What a store is filled with.
#[derive(Debug)]
pub struct Filling {
    /// Whom the documents are for, in turn.
    pub practices: Vec<OdsCode>,
    /// So many of 100 wait to be collected; the others were collected and acknowledged.
    pub waiting_percent: u8,
    /// How long each is.
    pub body_bytes: usize,
}

impl Filling {
    /// How many of the first `documents` wait.
    pub fn waiting(&self, documents: u64) -> u64 {
        let percent = u64::from(self.waiting_percent.min(100));
        documents / 100 * percent + (documents % 100).min(percent)
    }

    fn waits(&self, number: u64) -> bool {
        number % 100 < u64::from(self.waiting_percent)
    }

    fn practice(&self, number: u64) -> Option<OdsCode> {
        let place = number % (self.practices.len().max(1) as u64);
        self.practices.get(usize::try_from(place).ok()?).copied()
    }
}

/// Adds the documents of these numbers to the store in `folder`, and closes it in good order.
pub async fn fill(
    folder: &Path,
    filling: &Arc<Filling>,
    numbers: Range<u64>,
) -> Result<(), EstateError> {
    let options = Options {
        directory: folder.to_owned(),
        ..Options::default()
    };
    let trust = OdsCode::parse(TRUST)?;
    let store = Arc::new(Embedded::open(&options, SystemClock.now())?);
    let (next, end) = (Arc::new(AtomicU64::new(numbers.start)), numbers.end);
    let mut tasks = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (store, filling, next) = (store.clone(), filling.clone(), next.clone());
        tasks.spawn(async move {
            let template = Template::opaque(filling.body_bytes);
            loop {
                let number = next.fetch_add(1, Relaxed);
                if number >= end {
                    return Ok(());
                }
                add(&store, &filling, trust, &template, number).await?;
            }
        });
    }
    for done in tasks.join_all().await {
        done.map_err(|error: StoreError| error)?;
    }
    Ok(store.close().await?)
}

/// One document, and its end if it does not wait.
async fn add(
    store: &Arc<Embedded>,
    filling: &Filling,
    trust: OdsCode,
    template: &Template,
    number: u64,
) -> Result<(), StoreError> {
    let body = template.make(0, number);
    let Some(practice) = filling.practice(number) else {
        return Ok(());
    };
    if let Some(change) = acceptance(trust, practice, Payload::Fhir, body, SystemClock.now()) {
        store.commit(change).await?;
    }
    if filling.waits(number) {
        return Ok(());
    }
    // Perhaps another's, who then finds this one: as many end as are to. So the time is that of now, for
    // the other may have been accepted later.
    let now = SystemClock.now();
    for claimed in claim(store, practice, 1, now).await? {
        let settled = acknowledgement(&claimed, now);
        // Let go of the message, so that the store can change it in place.
        drop(claimed);
        if let Some(change) = settled {
            store.commit(change).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::Arc;

    use axle_broker::clock::{Clock as _, SystemClock};
    use axle_model::ods::OdsCode;
    use axle_store::{
        Store as _,
        embedded::{Embedded, Options},
    };

    use super::{Filling, fill};

    fn filling(waiting_percent: u8) -> Filling {
        let codes = ["Q00000", "Q00001", "Q00002"];
        Filling {
            practices: codes.map(|code| OdsCode::parse(code).unwrap()).into(),
            waiting_percent,
            body_bytes: 64,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_is_filled_in_steps_with_as_many_waiting_as_was_said() {
        let folder = tempfile::tempdir().unwrap();
        let filling = Arc::new(filling(40));
        for numbers in [0..250, 250..510] {
            fill(folder.path(), &filling, numbers).await.unwrap();
        }
        let options = Options {
            directory: folder.path().to_owned(),
            ..Options::default()
        };
        let store = Embedded::open(&options, SystemClock.now()).unwrap();
        let totals = store.totals();
        assert_eq!((totals.accepted, totals.acknowledged), (510, 300));
        assert_eq!(store.health().deliveries_pending, filling.waiting(510));
        assert_eq!(store.mailboxes().await.unwrap().len(), 3);
    }

    #[test]
    fn as_many_wait_as_their_share_says() {
        for (percent, waiting) in [(0, 0), (1, 13), (40, 514), (100, 1_234)] {
            let filling = filling(percent);
            let counted = (0..1_234).filter(|&number| filling.waits(number)).count();
            assert_eq!(filling.waiting(1_234), counted as u64);
            assert_eq!(counted, waiting, "{percent}");
        }
    }
}

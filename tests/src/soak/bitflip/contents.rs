//! What the store of the bit-flip row holds, and the examination of a damaged copy: everything must
//! be there as it was, or be refused with the name of its file.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use axle_core::{change::LedgerEntry, message::Message};
use axle_model::{id::MessageId, time::Timestamp};
use axle_store::{
    Committed, Store as _, StoreError,
    conformance::sample::{Draft, PRACTICES, acknowledge, at, claim, draft},
    embedded::{Embedded, MasterKeys, OpenError, Options},
};
use rand::{Rng as _, RngCore as _, rngs::StdRng};

/// Messages in the store; a third is settled, some are leased, the others wait.
const MESSAGES: u64 = 300;
const IDENTIFIERS: [&str; 4] = ["one", "two", "three", "four"];

/// A store's contents, as they were before anything was damaged.
pub(super) struct Contents {
    /// What opens the store.
    pub(super) keys: Option<MasterKeys>,
    drafts: Vec<Draft>,
    messages: BTreeMap<MessageId, Arc<Message>>,
    ledger: Vec<LedgerEntry>,
    live: u64,
    /// What collectors would be given now, by mailbox.
    waiting: BTreeMap<&'static str, Vec<MessageId>>,
    /// Leased last of all. When the process was killed then, nothing later in the journal proves that
    /// this lease was durable, and to lose it is allowed: it costs a redelivery.
    leased_last: MessageId,
}

/// What an examination came to.
#[derive(Default)]
pub(super) struct Examined {
    /// What was refused, in the words of the refusal.
    pub(super) refused: Vec<String>,
    /// What was not there, or not as it was.
    pub(super) wrong: Vec<String>,
    /// Whether the store stopped to have its index rebuilt at the next start.
    pub(super) stopped: bool,
}

/// When the stores are opened: no lease has run out.
fn now() -> Timestamp {
    at(2_000)
}

/// Opens the store in this folder, small in everything.
pub(super) fn open(directory: &Path, keys: Option<&MasterKeys>) -> Result<Embedded, OpenError> {
    let options = Options {
        directory: directory.to_path_buf(),
        master_keys: keys.cloned(),
        segment_bytes_max: 128 << 10,
        checkpoint_bytes: 64 << 10,
        checkpoint_interval: Duration::from_hours(1),
        body_cache_bytes: 0,
        reserve_bytes: Some(0),
        ..Options::default()
    };
    Embedded::open(&options, now())
}

impl Contents {
    /// Fills a new store, which is closed and opened again now and then. Before it is closed at last
    /// `killed` may copy what a killed process would leave.
    pub(super) async fn make(
        directory: &Path,
        keys: Option<MasterKeys>,
        random: &mut StdRng,
        killed: impl FnOnce(),
    ) -> Self {
        let drafts: Vec<Draft> = (1..=MESSAGES).map(|number| one(number, random)).collect();
        let mut store = open(directory, keys.as_ref()).expect("a new store");
        for (draft, number) in drafts.iter().zip(1..) {
            let committed = store.commit(draft.accept()).await;
            assert!(
                matches!(committed, Ok(Committed::Done)),
                "{number}: {committed:?}"
            );
            if number % 3 == 0 {
                let claimed = store.claim(claim(PRACTICES[number % 2], 2, now())).await;
                for one in claimed.expect("a claim") {
                    if number % 15 != 0 {
                        let settled = store.commit(acknowledge(&one, now())).await;
                        settled.expect("an acknowledgement");
                    }
                }
            }
            if number % 120 == 0 {
                store.close().await.expect("a store that closes");
                drop(store);
                store = open(directory, keys.as_ref()).expect("a store that was closed");
            }
        }
        let mut head = store.ledger_head();
        let before = *head.borrow();
        let last = store.claim(claim(PRACTICES[0], 1, now())).await;
        let durable = head.wait_for(|head| *head > before).await;
        drop(durable.expect("a lease in the journal"));
        let mut contents = Self {
            leased_last: last.expect("a claim")[0].message.id,
            messages: BTreeMap::new(),
            ledger: ledger(&store).await.expect("a whole ledger"),
            live: store.health().messages_live,
            waiting: BTreeMap::new(),
            drafts,
            keys,
        };
        for draft in &contents.drafts {
            let message = store.load(draft.id()).await.expect("a whole index");
            let message = message.expect("what was committed");
            contents.messages.insert(draft.id(), message);
        }
        killed();
        store.close().await.expect("a store that closes");
        contents
    }

    /// Learns what collectors would be given, from a copy: they are given it.
    pub(super) async fn learn(&mut self, copy: &Path) {
        let store = open(copy, self.keys.as_ref()).expect("a whole store");
        self.waiting = waiting(&store).await;
    }

    /// Looks at everything there is, in a store that was closed or `killed`.
    pub(super) async fn examine(&self, store: &Embedded, killed: bool) -> Examined {
        let mut found = Examined::default();
        let loose = killed.then_some(self.leased_last);
        for draft in &self.drafts {
            self.look_at(draft, loose, store, &mut found).await;
            if found.stopped {
                return found;
            }
        }
        match ledger(store).await {
            Ok(entries) if entries.starts_with(&self.ledger) => {}
            Ok(entries) if killed && entries.starts_with(&self.ledger[..self.ledger.len() - 1]) => {
            }
            Ok(_) => found.wrong.push("the ledger differs".to_owned()),
            Err(error) => found.refused.push(error.to_string()),
        }
        let live = store.health().messages_live;
        if live != self.live {
            found
                .wrong
                .push(format!("{live} unsettled messages of {}", self.live));
        }
        let mut waiting = waiting(store).await;
        waiting
            .values_mut()
            .for_each(|ids| ids.retain(|id| Some(*id) != loose));
        if waiting != self.waiting {
            found
                .wrong
                .push("other deliveries wait than before".to_owned());
        }
        let next = draft(MESSAGES + 1).accept();
        if let Err(error) = store.commit(next).await {
            found
                .wrong
                .push(format!("nothing more is accepted: {error}"));
        }
        found
    }

    async fn look_at(
        &self,
        draft: &Draft,
        loose: Option<MessageId>,
        store: &Embedded,
        found: &mut Examined,
    ) {
        let id = draft.id();
        match store.load(id).await {
            Ok(Some(message)) if message == self.messages[&id] || loose == Some(id) => {}
            Ok(other) => found.wrong.push(format!("{id} is now {other:?}")),
            Err(error) => return found.stop(&error),
        }
        match store.body(id).await {
            Ok(body) if body == draft.body => {}
            Ok(_) => found.wrong.push(format!("{id}: other bytes were served")),
            Err(StoreError::Damaged { place, .. }) => found.refused.push(place),
            Err(error) => return found.stop(&error),
        }
        match store.commit(draft.accept()).await {
            Ok(Committed::Repeat(first)) if first.id == id => {}
            Ok(other) => found.wrong.push(format!("{id} again: {other:?}")),
            Err(error) => found.stop(&error),
        }
    }
}

impl Examined {
    /// The store may stop because of its index, which a restart rebuilds, and for nothing else.
    fn stop(&mut self, error: &StoreError) {
        self.stopped = true;
        let text = error.to_string();
        if !text.contains("a restart rebuilds it") {
            self.wrong.push(text);
        }
    }
}

fn one(number: u64, random: &mut StdRng) -> Draft {
    let mut one = draft(number);
    let bytes = if number.is_multiple_of(40) {
        20_000
    } else {
        2_000
    };
    one.body = vec![0; random.random_range(0..bytes)];
    random.fill_bytes(&mut one.body);
    one.recipients = match number % 5 {
        0 => vec![PRACTICES[0], PRACTICES[1]],
        even_or_odd => vec![PRACTICES[even_or_odd as usize % 2]],
    };
    one.document = IDENTIFIERS.get(number as usize).copied();
    one
}

async fn ledger(store: &Embedded) -> Result<Vec<LedgerEntry>, StoreError> {
    let mut entries = Vec::new();
    let head = *store.ledger_head().borrow();
    while (entries.len() as u64) < head {
        entries.extend(store.ledger(entries.len() as u64 + 1, 1_000).await?);
    }
    Ok(entries)
}

/// Takes everything that waits.
async fn waiting(store: &Embedded) -> BTreeMap<&'static str, Vec<MessageId>> {
    let mut all = BTreeMap::new();
    for practice in PRACTICES {
        let claimed = store.claim(claim(practice, usize::MAX, now())).await;
        let claimed = claimed.unwrap_or_default();
        let ids = claimed.iter().map(|one| one.message.id).collect();
        all.insert(practice, ids);
    }
    all
}

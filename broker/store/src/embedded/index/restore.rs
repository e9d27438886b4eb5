//! Restore: every message that is not over, back in a state. One thread reads and decodes while the other puts
//! what was read where it waits: a start does both for each message, and has two processors. What was
//! taken goes back to whoever read it, since memory is cheaper to give up where it came from.

use std::{
    mem,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
};

use super::{Index, Stored, Unusable, guarded};
use crate::{
    embedded::{convert::outline::Outliner, located::Located},
    state::{Outline, State},
};

/// So many messages are handed over at once.
const BATCH: usize = 256;
/// And so many batches wait at most.
const BATCHES: usize = 4;

/// A message as it was read.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are the large one, and a box for each would cost a start more"
)]
enum Read {
    Outline(Outline, Located),
    Whole(Stored),
}

impl Index {
    /// Brings every message that is not over back to a state: at rest where it may be, and then
    /// without reading more of it than that takes. Counts in `moved` what it has read.
    pub(in crate::embedded) fn restore(
        &self,
        state: &mut State<Located>,
        moved: &AtomicU64,
    ) -> Result<(), Unusable> {
        let lets_rest = state.lets_rest();
        let (sender, batches) = mpsc::sync_channel(BATCHES);
        let (taken, used) = mpsc::channel();
        thread::scope(|scope| {
            let reader = thread::Builder::new().name("axle-index-read".to_owned());
            let reading = move || guarded(|| self.read_live(lets_rest, &sender, &used));
            let reader = reader.spawn_scoped(scope, reading)?;
            for batch in batches {
                moved.fetch_add(1, Ordering::Relaxed);
                for read in &batch {
                    self.take(state, read)?;
                }
                // Who read it may have come to the end.
                drop(taken.send(batch));
            }
            let ended = |_| Unusable::Panicked("while it was read".to_owned());
            reader.join().map_err(ended)?
        })
    }

    fn take(&self, state: &mut State<Located>, read: &Read) -> Result<(), Unusable> {
        let whole = match read {
            Read::Outline(outline, body) if state.restore_resting(outline, body) => return Ok(()),
            Read::Outline(outline, _) => self.live(outline.message.id)?,
            Read::Whole(whole) => Some(whole.clone()),
        };
        let gone = || Unusable::Untrue("a message is gone that was just there".to_owned());
        let one = whole.ok_or_else(gone)?;
        state.restore(one.message, one.sequence, one.body);
        Ok(())
    }

    fn read_live(
        &self,
        outlines: bool,
        to: &SyncSender<Vec<Read>>,
        used: &Receiver<Vec<Read>>,
    ) -> Result<(), Unusable> {
        let mut outliner = Outliner::new()?;
        let mut batch = Vec::with_capacity(BATCH);
        self.live.each(|record| {
            batch.push(if outlines {
                let (outline, body) = outliner.read(record)?;
                Read::Outline(outline, body)
            } else {
                Read::Whole(Stored::read(record)?)
            });
            if batch.len() == BATCH {
                let mut next = used
                    .try_recv()
                    .unwrap_or_else(|_| Vec::with_capacity(BATCH));
                next.clear();
                let full = mem::replace(&mut batch, next);
                hand_over(to, full)?;
            }
            Ok(())
        })?;
        hand_over(to, batch)
    }
}

fn hand_over(to: &SyncSender<Vec<Read>>, batch: Vec<Read>) -> Result<(), Unusable> {
    // Whoever took them has failed then, and says why.
    let gone = |_| Unusable::Untrue("nobody takes what is read".to_owned());
    to.send(batch).map_err(gone)
}

//! Activity kept over a restart: a small file beside the store says when senders and mailboxes were
//! last heard of. It is a help and not the truth: without it, or when it is damaged, silence is
//! counted from the start of the process. Time in which the broker was down does not count.

use std::{fmt::Write as _, fs, io, io::Write as _, path::Path, time::Duration};

use axle_model::{digest::Digest, mailbox::MailboxId, ods::OdsCode, time::Timestamp};

use super::App;
use crate::engine::activity::{Activity, LastHeard};

const FILE: &str = "activity";
/// How much of it a kill may cost.
const TICK: Duration = Duration::from_secs(60);

impl App {
    /// Writes the file again and again, until it is dropped.
    pub(super) async fn keep_activity(&self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.save_activity().await;
        }
    }

    /// Writes the file.
    pub(super) async fn save_activity(&self) {
        let path = self.config.store.directory.join(FILE);
        let text = text_of(&self.engine.last_heard(), self.engine.now());
        let written = tokio::task::spawn_blocking(move || replace(&path, &text)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, "when senders and mailboxes were last heard of is not kept");
        }
    }

    /// Takes up what the file says.
    pub(super) fn resume_activity(&self) {
        let path = self.config.store.directory.join(FILE);
        let (activity, now) = (self.engine.activity(), self.engine.now());
        match fs::read_to_string(&path) {
            Ok(text) if resume(activity, &text, now).is_none() => {
                tracing::warn!(path = %path.display(), "damaged; silence is counted from now on");
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "unreadable; silence is counted from now on");
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// The moment of writing, a line for each source with the moment it was last heard of, and the
/// SHA-256 of all that. Moments are microseconds since the epoch.
fn text_of(heard: &LastHeard, now: Timestamp) -> String {
    let mut text = format!("at {}\n", now.as_micros());
    // Writing to a String does not fail.
    for one in &heard.senders {
        let _ = writeln!(text, "sender {} {}", one.source, one.last.as_micros());
    }
    for one in &heard.mailboxes {
        let _ = writeln!(text, "mailbox {} {}", one.source, one.last.as_micros());
    }
    let digest = Digest::of(text.as_bytes());
    let _ = writeln!(text, "sha256 {digest}");
    text
}

/// Takes up a text of the file at `now`; `None` when it is not as it was written.
fn resume(activity: &Activity, text: &str, now: Timestamp) -> Option<()> {
    let (lines, digest) = text.strip_suffix('\n')?.rsplit_once("sha256 ")?;
    if Digest::of(lines.as_bytes()).to_string() != digest {
        return None;
    }
    let time = |text: &str| text.parse().ok().map(Timestamp::from_micros);
    let (first, lines) = lines.split_once('\n')?;
    let away = now.since(time(first.strip_prefix("at ")?)?);
    for line in lines.lines() {
        let (source, last) = line.rsplit_once(' ')?;
        let last = time(last)?.after(away);
        match source.split_once(' ')? {
            ("sender", code) => activity.resume_sender(OdsCode::parse(code).ok()?, last),
            ("mailbox", name) => activity.resume_mailbox(&MailboxId::parse(name).ok()?, last),
            _ => return None,
        }
    }
    Some(())
}

/// Replaces a file whole, so that a reader finds the one text or the other.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests;

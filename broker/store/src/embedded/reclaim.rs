//! Reclaim: bodies that nobody needs any more really go. A sealed segment in which no body has been
//! needed for the retention is written anew without bodies, beside itself, and put in its place by a
//! rename: whoever reads the old file reads it to its end, a crash leaves one of the two, and the
//! chain still proves every record, since it covers the digests of bodies and not the bodies.

use std::{
    collections::BTreeSet,
    io::{self, IoSlice},
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use super::{
    files::Files,
    frame::Frame,
    segment::{self, Header, Opened, Segments},
    shared::Shared,
};

/// What a segment being rewritten ends in until it is whole.
const SUFFIX: &str = ".stripping";
/// Frames are written in stretches of about this many bytes.
const STRETCH_BYTES: usize = 1 << 20;

/// Removes what a crash left half written.
pub(super) fn clear(files: &dyn Files, directory: &Path) -> io::Result<()> {
    for name in files.list(directory)? {
        if name.ends_with(SUFFIX) {
            files.remove(&directory.join(name))?;
        }
    }
    Ok(())
}

/// What could not be rewritten, and is not tried again before the next start.
#[derive(Debug, Default)]
pub(super) struct PassedOver(BTreeSet<u32>);

/// Rewrites at most one segment; whether there was one. `Shared::now` says what time it is.
pub(super) fn step(shared: &Shared) -> bool {
    // One at a time: two would write to one file.
    let mut passed_over = shared.reclaiming();
    let headers = shared.segments.headers();
    let Some(at) = next_idle(shared, &headers, &passed_over) else {
        return false;
    };
    let (Some(header), Some(next)) = (headers.get(at), headers.get(at + 1)) else {
        return false;
    };
    match strip(&shared.segments, header, next.first) {
        Ok(bytes) => {
            let reclaimed = &shared.counters.bytes_reclaimed;
            reclaimed.fetch_add(bytes, Ordering::Relaxed);
        }
        Err(error) => {
            // That loses room, and no document.
            let path = shared.segments.path(header.number);
            let path = path.display();
            tracing::error!(%path, %error, "bodies that are not needed could not be dropped");
            passed_over.0.insert(header.number);
        }
    }
    true
}

/// The first sealed segment that holds nothing that is needed, and bodies still.
fn next_idle(shared: &Shared, headers: &[Header], passed_over: &PassedOver) -> Option<usize> {
    let before = shared.now().before(shared.retention);
    let followed = shared.followed.load(Ordering::Acquire);
    let state = shared.state();
    headers.iter().position(|header| {
        // The index must be beyond it, and so is what is written to. (It may not be on the disk that
        // far: a start that has to go back further finds its place again.)
        header.number < followed
            && !header.stripped
            && !passed_over.0.contains(&header.number)
            && state.holdings().is_idle(header.number, before)
    })
}

/// Rewrites a segment whose entries end before `end`; how many bytes shorter it is.
fn strip(segments: &Segments, header: &Header, end: u64) -> io::Result<u64> {
    let opened = segments.open(header.number)?;
    let new = Header {
        stripped: true,
        ..*header
    };
    let path = beside(&segments.path(header.number));
    match segments.files().remove(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let file = segments.files().create(&path, 0)?;
    file.append(&mut [IoSlice::new(&new.encode())])?;
    let dropped = copy(&opened, end, |stretch| {
        file.append(&mut [IoSlice::new(stretch)])
    })?;
    file.sync()?;
    segments.replace(new, &path)?;
    Ok(dropped)
}

/// Hands on every frame before the entry `end` without its body; how many bytes of bodies there were.
fn copy(
    opened: &Opened,
    end: u64,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<u64> {
    let mut window = opened.window()?;
    let (mut offset, mut next) = (segment::HEADER as u64, opened.header.first);
    let (mut stretch, mut dropped) = (Vec::new(), 0);
    while next < end {
        let frame = Frame::read(&mut window, offset)?;
        let frame = frame.filter(|frame| frame.sequence == next || frame.is_close());
        let frame = frame.ok_or_else(|| {
            let what = format!("entry {next} is not whole at byte {offset}: run verify");
            io::Error::new(io::ErrorKind::InvalidData, what)
        })?;
        frame.copy_head(&mut window, &mut stretch)?;
        dropped += frame.body_length;
        offset = frame.end();
        next += u64::from(!frame.is_close());
        if stretch.len() >= STRETCH_BYTES {
            write(&stretch)?;
            stretch.clear();
        }
    }
    write(&stretch)?;
    Ok(dropped)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(SUFFIX);
    path.with_file_name(name)
}

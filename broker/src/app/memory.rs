//! Memory: in which pages the system gives it.

/// Asks the system for pages of the usual length only. Huge ones are 2 MiB, of which buffers that come and
/// go leave most empty, and none of it is given back: decision 0005.
pub(super) fn use_small_pages() {
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        // Then it is a matter of memory only.
        tracing::debug!(%error, "huge pages could not be turned off");
    }
}

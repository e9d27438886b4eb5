//! What a process has cost: processor time, memory and bytes written, as Linux counts them.

use std::{fs, ops::Sub};

/// Clock ticks of `/proc/PID/stat` in a second: what Linux has told programs on every architecture
/// for decades, whatever the kernel's own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Counters of a process.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// Processor time in user and kernel mode, all threads, in seconds.
    pub cpu_seconds: f64,
    /// Bytes it caused to be written to a disk; `None` of another user's process.
    pub written_bytes: Option<u64>,
}

impl Account {
    /// The counters of process `id`; `None` when there is none.
    pub fn of(id: u32) -> Option<Self> {
        Some(Self {
            cpu_seconds: ticks(id)? as f64 / TICKS_PER_SECOND,
            written_bytes: field(&format!("/proc/{id}/io"), "write_bytes:"),
        })
    }
}

impl Sub for Account {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        let written = self.written_bytes.zip(before.written_bytes);
        Self {
            cpu_seconds: self.cpu_seconds - before.cpu_seconds,
            written_bytes: written.map(|(now, before)| now.saturating_sub(before)),
        }
    }
}

/// The memory that process `id` holds now, in bytes; `None` when there is no such process.
pub fn memory_bytes(id: u32) -> Option<u64> {
    status_bytes(id, "VmRSS:")
}

/// The most memory that process `id` has held, in bytes; `None` when there is no such process.
pub fn memory_peak_bytes(id: u32) -> Option<u64> {
    status_bytes(id, "VmHWM:")
}

fn status_bytes(id: u32, name: &str) -> Option<u64> {
    field(&format!("/proc/{id}/status"), name).map(|kib| kib * 1024)
}

fn ticks(id: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in brackets, may hold anything; utime and stime are fields 14 and 15 (proc(5)).
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ').skip(11);
    let (user, system) = (fields.next()?, fields.next()?);
    Some(user.parse::<u64>().ok()? + system.parse::<u64>().ok()?)
}

fn field(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Account, memory_bytes, memory_peak_bytes};

    #[test]
    fn this_process_has_cost_something() {
        let own = std::process::id();
        let (now, peak) = (memory_bytes(own), memory_peak_bytes(own));
        assert!(now > Some(1024 * 1024) && peak >= now);
        let mut number = 1_u64;
        while Account::of(own).is_none_or(|own| own.cpu_seconds <= 0.0) {
            number = std::hint::black_box(number.wrapping_mul(31));
        }
    }

    #[test]
    fn a_process_that_is_not_there_has_no_account() {
        // Linux gives no process a number of more than 22 bits.
        assert!(Account::of(u32::MAX).is_none() && memory_bytes(u32::MAX).is_none());
    }
}

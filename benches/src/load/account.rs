//! What a process has cost: processor time, memory and bytes written, as Linux counts them.

use std::{fs, ops::Sub};

/// Clock ticks of `/proc/PID/stat` in a second: what Linux has told programs on every architecture
/// for decades, whatever the kernel's own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Counters of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Account {
    /// Processor time in user and kernel mode, all threads, in seconds.
    pub cpu_seconds: f64,
    /// Bytes it caused to be written to a disk.
    pub written_bytes: u64,
}

impl Account {
    /// The counters of process `id`; zeros when it is gone.
    pub fn of(id: u32) -> Self {
        Self {
            cpu_seconds: ticks(id).unwrap_or_default() as f64 / TICKS_PER_SECOND,
            written_bytes: field(&format!("/proc/{id}/io"), "write_bytes:").unwrap_or_default(),
        }
    }
}

impl Sub for Account {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds - before.cpu_seconds,
            written_bytes: self.written_bytes.saturating_sub(before.written_bytes),
        }
    }
}

/// The most memory that process `id` has held, in bytes.
pub fn memory_peak_bytes(id: u32) -> u64 {
    let kib = field(&format!("/proc/{id}/status"), "VmHWM:");
    kib.unwrap_or_default() * 1024
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
    use super::{Account, memory_peak_bytes};

    #[test]
    fn this_process_has_cost_something() {
        let own = std::process::id();
        assert!(memory_peak_bytes(own) > 1024 * 1024);
        let mut number = 1_u64;
        while Account::of(own).cpu_seconds <= 0.0 {
            number = std::hint::black_box(number.wrapping_mul(31));
        }
    }
}

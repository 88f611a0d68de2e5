//! What the operating system says of this process: memory, threads, CPU time; and how much memory
//! is left. Every answer is `None` where the system does not tell. It must not know the runtime.

use std::fs;
use std::time::Duration;

/// The resident set size in bytes, read quickly. The kernel keeps it as a sum of per-CPU counters
/// and may be some pages behind; see [`exact_rss`].
///
/// ```
/// if let Some(bytes) = filch_bench::process::rss() {
///     assert!(bytes > 4096);
/// }
/// ```
pub fn rss() -> Option<u64> {
    kibibytes("/proc/self/status", "VmRSS:")
}

/// The resident set size in bytes, counted by a walk over the page tables: exact, but it takes
/// milliseconds for each gigabyte. Falls back to [`rss`].
///
/// ```
/// if let Some(bytes) = filch_bench::process::exact_rss() {
///     assert!(bytes > 4096);
/// }
/// ```
pub fn exact_rss() -> Option<u64> {
    kibibytes("/proc/self/smaps_rollup", "Rss:").or_else(rss)
}

/// The number of threads of this process.
///
/// ```
/// if let Some(threads) = filch_bench::process::threads() {
///     assert!(threads >= 1);
/// }
/// ```
pub fn threads() -> Option<u64> {
    field("/proc/self/status", "Threads:")
}

/// The CPU time this process has used in all its threads.
///
/// ```
/// let first = filch_bench::process::cpu_time();
/// assert!(filch_bench::process::cpu_time() >= first);
/// ```
pub fn cpu_time() -> Option<Duration> {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Some(Duration::new(
            time.tv_sec.try_into().ok()?,
            time.tv_nsec.try_into().ok()?,
        ))
    }
    #[cfg(not(unix))]
    None
}

/// The bytes of memory this process may still take: what the kernel calls available, or what its
/// control group has left, whichever is less.
///
/// ```
/// assert_ne!(filch_bench::process::available_memory(), Some(0));
/// ```
pub fn available_memory() -> Option<u64> {
    let machine = kibibytes("/proc/meminfo", "MemAvailable:")?;
    let group = number("/sys/fs/cgroup/memory.max")
        .map(|max| max.saturating_sub(number("/sys/fs/cgroup/memory.current").unwrap_or(0)));
    Some(group.map_or(machine, |group| group.min(machine)))
}

/// The number of descriptors that this process has open.
///
/// ```
/// if let Some(open) = filch_bench::process::descriptors() {
///     assert!(open >= 1);
/// }
/// ```
pub fn descriptors() -> Option<u64> {
    // The folder is read through one descriptor more.
    let listed = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    Some(listed.saturating_sub(1))
}

/// Lets this process and its children have so many descriptors open, as far as its user may.
///
/// # Errors
///
/// How many it may have at most, if that is less.
///
/// ```
/// assert_eq!(filch_bench::process::allow_descriptors(16), Ok(()));
/// ```
pub fn allow_descriptors(count: u64) -> Result<(), u64> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let allows = |most: Option<u64>| most.is_none_or(|most| most >= count);
        if !allows(limit.current) {
            let raised = Rlimit {
                current: Some(count),
                maximum: limit.maximum,
            };
            if !allows(limit.maximum) || setrlimit(Resource::Nofile, raised).is_err() {
                return Err(limit.maximum.or(limit.current).unwrap_or(0));
            }
        }
    }
    #[cfg(not(unix))]
    let _ = count;
    Ok(())
}

/// The whole content of a file, if it is one number.
fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// A field in kibibytes, as bytes.
fn kibibytes(path: &str, name: &str) -> Option<u64> {
    field(path, name)?.checked_mul(1024)
}

/// The number behind a name in a file of lines `name number ...`.
fn field(path: &str, name: &str) -> Option<u64> {
    parse_field(&fs::read_to_string(path).ok()?, name)
}

fn parse_field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "VmHWM:\t 9 kB\nVmRSS:\t   1234 kB\nThreads:\t7\n";
        assert_eq!(parse_field(text, "VmRSS:"), Some(1234));
        assert_eq!(parse_field(text, "Threads:"), Some(7));
        assert_eq!(parse_field(text, "VmSwap:"), None);
        assert_eq!(parse_field("Rss: none", "Rss:"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_tells_everything() {
        assert!(rss().is_some() && exact_rss().is_some() && available_memory().is_some());
        assert!(threads().is_some_and(|threads| threads >= 1));
        assert!(cpu_time().is_some());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_open_file_is_counted() {
        // Other tests open files meanwhile, but not so many.
        let before = descriptors().unwrap();
        let files: Vec<_> = (0..100)
            .map(|_| fs::File::open("/dev/null").unwrap())
            .collect();
        assert!(descriptors().unwrap() >= before + 50);
        drop(files);
        assert!(descriptors().unwrap() < before + 50);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn more_descriptors_than_there_may_be_are_refused() {
        let most = allow_descriptors(u64::MAX).unwrap_err();
        assert!(most >= 16);
        assert_eq!(allow_descriptors(most), Ok(()));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn touched_memory_is_resident() {
        let before = exact_rss().unwrap();
        let block = std::hint::black_box(vec![1u8; 32 << 20]);
        let after = exact_rss().unwrap();
        drop(block);
        assert!(after >= before + (24 << 20), "{before} {after}");
    }
}

//! Tells a thread that waits for something from one that merely waits for a core, where the system says so: on Linux,
//! from `/proc/self/task/<tid>/stat`. It must not know what the threads are for.

/// The operating system's number of a thread.
pub(super) type Tid = u32;

/// What is seen of one thread at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) tid: Tid,
    /// Running, or ready to run as soon as it is given a core.
    pub(super) runnable: bool,
    /// Processor time it has used, in clock ticks of 10 ms.
    pub(super) ticks: u64,
}

/// The number of the calling thread, or `None` where [`sample`] has no use for it.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(shuttle)))]
pub(super) fn current() -> Option<Tid> {
    Tid::try_from(rustix::thread::gettid().as_raw_nonzero().get()).ok()
}

/// See the other definition.
#[cfg(any(shuttle, not(any(target_os = "linux", target_os = "android"))))]
pub(super) fn current() -> Option<Tid> {
    None
}

/// What these threads are doing; threads that cannot be read are left out.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(shuttle)))]
pub(super) fn sample(tids: &[Tid]) -> Vec<Sample> {
    use std::io::Read;
    let read = |&tid: &Tid| {
        let mut buffer = [0; 512];
        let mut file = std::fs::File::open(format!("/proc/self/task/{tid}/stat")).ok()?;
        let length = file.read(&mut buffer).ok()?;
        parse(tid, &buffer[..length])
    };
    tids.iter().filter_map(read).collect()
}

/// See the other definition.
#[cfg(any(shuttle, not(any(target_os = "linux", target_os = "android"))))]
pub(super) fn sample(_tids: &[Tid]) -> Vec<Sample> {
    Vec::new()
}

/// Reads a line of `stat`: the name in parentheses may itself hold spaces and parentheses, so the last one counts.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(shuttle)))]
fn parse(tid: Tid, line: &[u8]) -> Option<Sample> {
    let end_of_name = line.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(&line[end_of_name + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let runnable = fields.next()? == "R";
    // Fields 14 and 15 of the line: time in user mode and time in the kernel.
    let mut times = fields.skip(10).map(str::parse::<u64>);
    let (user, kernel) = (times.next()?.ok()?, times.next()?.ok()?);
    Some(Sample {
        tid,
        runnable,
        ticks: user + kernel,
    })
}

#[cfg(all(test, target_os = "linux", not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_parentheses_is_skipped() {
        let line = b"12 (a) R (b) S 1 2 3 4 5 6 7 8 9 10 31 20 0 0 20";
        assert_eq!(
            parse(12, line),
            Some(Sample {
                tid: 12,
                runnable: false,
                ticks: 51
            })
        );
        assert_eq!(parse(12, b"12 (cut"), None);
        assert_eq!(parse(12, b"12 (cut) R 1 2"), None);
    }

    #[test]
    fn the_calling_thread_is_runnable() {
        let tid = current().expect("Linux numbers its threads");
        let samples = sample(&[tid]);
        assert!(
            matches!(samples[..], [Sample { runnable: true, .. }]),
            "{samples:?}"
        );
    }

    #[test]
    fn a_thread_that_is_gone_is_left_out() {
        let tid = std::thread::spawn(current)
            .join()
            .expect("it does not panic");
        assert_eq!(sample(&[tid.expect("Linux numbers its threads")]), []);
    }
}

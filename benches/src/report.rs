//! Where the report of a run is kept: `target/filch/<scenario>-<UTC date and time>/`. It must not
//! know what a report holds.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Makes a new folder for the report of a run, and never reuses one: runs of the same second get
/// `-2`, `-3` and so on.
///
/// # Errors
///
/// What the file system says, if the folder cannot be made.
///
/// ```
/// let folder = filch_bench::report::new_folder("doc-example")?;
/// assert!(folder.is_dir());
/// std::fs::remove_dir(folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn new_folder(scenario: &str) -> io::Result<PathBuf> {
    new_folder_in(&target().join("filch"), scenario, SystemTime::now())
}

fn new_folder_in(parent: &Path, scenario: &str, now: SystemTime) -> io::Result<PathBuf> {
    std::fs::create_dir_all(parent)?;
    let name = format!("{scenario}-{}", stamp(now));
    let mut folder = parent.join(&name);
    for number in 2.. {
        match std::fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                folder = parent.join(format!("{name}-{number}"));
            }
            made => return made.map(|()| folder),
        }
    }
    unreachable!("the numbers of folders do not end")
}

/// The target directory that holds the running program: the nearest folder above it that Cargo
/// has marked as a cache; `target` beneath the working directory if there is none.
fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let marked = program
        .ancestors()
        .skip(1)
        .find(|folder| folder.join("CACHEDIR.TAG").is_file());
    let Some(folder) = marked else {
        return PathBuf::from("target");
    };
    // A short path reads better, and the working directory is most often the checkout.
    let here = std::env::current_dir().unwrap_or_default();
    folder.strip_prefix(&here).unwrap_or(folder).to_path_buf()
}

/// A moment in UTC that sorts as text: `20261122T163825Z`.
///
/// ```
/// assert_eq!(filch_bench::report::stamp(std::time::UNIX_EPOCH), "19700101T000000Z");
/// ```
pub fn stamp(moment: SystemTime) -> String {
    let seconds = moment
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// The date of a number of days since 1 January 1970, in the proleptic Gregorian calendar. The
/// year is counted from 1 March, so that the leap day is its last, in cycles of 400 years
/// (146,097 days); a month from March holds 153 / 5 days on average.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // From 1 March of the year 0.
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (cycle * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates_are_right_at_the_edges() {
        let at = |seconds| stamp(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(951_782_399), "20000228T235959Z");
        assert_eq!(at(951_782_400), "20000229T000000Z");
        assert_eq!(at(1_709_164_800), "20240229T000000Z");
        assert_eq!(at(1_709_251_200), "20240301T000000Z");
        assert_eq!(at(1_798_761_599), "20261231T235959Z");
        assert_eq!(at(4_107_542_400), "21000301T000000Z");
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..200_000 {
            assert_eq!(civil(days), (year, month, day), "day {days}");
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                4 | 6 | 9 | 11 => 30,
                2 if leap => 29,
                2 => 28,
                _ => 31,
            };
            day += 1;
            if day > length {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn folders_are_never_reused() {
        let parent = std::env::temp_dir().join(format!("filch-report-{}", std::process::id()));
        let names: Vec<_> = (0..3)
            .map(|_| new_folder_in(&parent, "sleep", UNIX_EPOCH).unwrap())
            .map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        std::fs::remove_dir_all(&parent).unwrap();
        assert_eq!(
            names,
            [
                "sleep-19700101T000000Z",
                "sleep-19700101T000000Z-2",
                "sleep-19700101T000000Z-3"
            ]
        );
    }
}

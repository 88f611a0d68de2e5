//! Arithmetic of time never panics (fault D51).

use super::super::Instant;
use super::super::clock::real;
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn sums_and_differences_saturate() {
    let now = Instant::now();
    let never = now + Duration::MAX;
    assert_eq!(never.as_nanos(), u64::MAX);
    assert_eq!(never + Duration::MAX, never);
    assert_eq!(now - never, Duration::ZERO);
    assert!(now - Duration::MAX < now);
    assert!((now - Duration::MAX) - Duration::MAX <= now - Duration::MAX);
    assert_eq!((now - Duration::MAX).as_nanos(), 0);
    assert_eq!(never.elapsed(), Duration::ZERO);
    assert_eq!(now.checked_sub(Duration::MAX), None);
    assert_eq!(now.checked_duration_since(never), None);
    let mut moved = now;
    moved += Duration::MAX;
    assert_eq!(moved, never);
    moved -= Duration::from_secs(1);
    assert!(moved < never);
}

#[test]
fn instants_before_the_epoch_are_due() {
    let _ = Instant::now().as_nanos();
    let past = Instant::now() - Duration::from_secs(1_000_000_000);
    assert_eq!(past.as_nanos(), 0);
    assert!(past.elapsed() >= Duration::from_secs(1_000_000_000));
}

/// A time by the standard clock that has come has come by ours a moment later, and never before.
#[test]
fn conversions_from_and_to_the_standard_clock_are_never_early() {
    for _ in 0..10_000 {
        let deadline = std::time::Instant::now() + Duration::from_micros(1);
        let converted = Instant::from_std(deadline).as_nanos();
        while real() < converted {}
        assert!(std::time::Instant::now() >= deadline);

        let ours = Instant::from_nanos(real()).into_std();
        assert!(ours <= std::time::Instant::now());
    }
    let lag = std::time::Instant::now().saturating_duration_since(Instant::now().into_std());
    assert!(lag < Duration::from_secs(1));
}

#[test]
fn time_never_goes_backwards_and_lies_after_the_epoch() {
    let mut last = 0;
    for _ in 0..10_000 {
        let now = real();
        assert!(now >= last);
        last = now;
    }
    assert!(last > 0 && last < u64::MAX / 2);
}

proptest! {
    #[test]
    fn nanoseconds_and_back_is_the_same_instant(nanos: u64) {
        prop_assert_eq!(Instant::from_nanos(nanos).as_nanos(), nanos);
    }

    #[test]
    fn sums_agree_with_the_standard_library_while_it_has_an_answer(
        secs in 0..584 * 365 * 24 * 3600u64,
        nanos in 0..1_000_000_000u32,
    ) {
        let now = Instant::now();
        let duration = Duration::new(secs, nanos);
        prop_assert_eq!((now + duration).into_std(), now.into_std() + duration);
        prop_assert_eq!((now - duration).into_std(), now.into_std() - duration);
        prop_assert_eq!((now + duration) - now, duration);
    }

    #[test]
    fn no_duration_panics(secs: u64, nanos in 0..1_000_000_000u32) {
        let now = Instant::now();
        let duration = Duration::new(secs, nanos);
        prop_assert!(now + duration >= now);
        prop_assert!(now - duration <= now);
    }
}

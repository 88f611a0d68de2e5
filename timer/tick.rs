//! Ticks, the steps in which a wheel knows time. It owns the rounding, which is never early.

/// A tick is 2^`TICK_SHIFT` ns: 66 µs.
pub(super) const TICK_SHIFT: u32 = 16;

/// The last tick. It is reached only at the last nanosecond, so that the deadlines which have no
/// tick after them are not early either: "never" is a deadline like any other.
pub(super) const LAST_TICK: u64 = u64::MAX >> TICK_SHIFT;

/// The tick at which a deadline is due: rounded up, never early.
#[inline]
pub(super) fn tick_of(deadline: u64) -> u64 {
    // Saturating means that the deadlines past the start of the last tick are due in it.
    deadline.saturating_add((1 << TICK_SHIFT) - 1) >> TICK_SHIFT
}

/// The last tick that has come at `now`.
#[inline]
pub(super) fn tick_at(now: u64) -> u64 {
    match now {
        u64::MAX => LAST_TICK,
        now => (now >> TICK_SHIFT).min(LAST_TICK - 1),
    }
}

/// The first nanosecond at which `tick` has come.
#[inline]
pub(super) fn start_of(tick: u64) -> u64 {
    match tick {
        LAST_TICK => u64::MAX,
        tick => tick << TICK_SHIFT,
    }
}

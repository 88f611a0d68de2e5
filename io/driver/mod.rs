//! The driver: where the leading worker sleeps until an event, a wake-up or a timer.
//! It owns the [`polling::Poller`] and how one waits on it; it must not know tasks, workers or timers.
//!
//! On Linux the wait is made on the poller's own descriptor (`wait_linux.rs`): `Poller::wait` of polling 3.11 makes five
//! system calls even with a zero timeout. Elsewhere, and with `cfg(filch_generic_poll)`, `wait_generic.rs` uses
//! `Poller::wait`.

#[cfg(all(
    not(any(loom, shuttle)),
    any(not(target_os = "linux"), filch_generic_poll)
))]
mod wait_generic;
#[cfg(all(not(any(loom, shuttle)), target_os = "linux", not(filch_generic_poll)))]
mod wait_linux;
#[cfg(any(loom, shuttle))]
mod wait_modelled;

#[cfg(all(
    not(any(loom, shuttle)),
    any(not(target_os = "linux"), filch_generic_poll)
))]
pub(crate) use wait_generic::Driver;
#[cfg(all(not(any(loom, shuttle)), target_os = "linux", not(filch_generic_poll)))]
pub(crate) use wait_linux::Driver;
#[cfg(any(loom, shuttle))]
pub(crate) use wait_modelled::Driver;

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::Driver;
    use core::time::Duration;
    use std::time::Instant;

    #[test]
    fn a_wake_before_the_wait_ends_the_wait_at_once() {
        let driver = Driver::new().unwrap();
        driver.wake();
        driver.wait(None);
        driver.wake();
        driver.wake();
        driver.wait(None);
    }

    #[test]
    fn a_wake_from_another_thread_ends_the_wait() {
        let driver = Driver::new().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| driver.wake());
            driver.wait(None);
        });
    }

    #[test]
    fn a_timeout_is_never_early_and_may_be_below_a_millisecond() {
        let driver = Driver::new().unwrap();
        for micros in [0, 1, 200, 1500] {
            let (start, timeout) = (Instant::now(), Duration::from_micros(micros));
            driver.wait(Some(timeout));
            assert!(start.elapsed() >= timeout);
        }
    }
}

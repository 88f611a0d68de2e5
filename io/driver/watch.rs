//! The driver: a poller with its way of waiting. It owns the waiting, what it has brought, and the end; what is registered
//! is in `registry.rs`, and how one waits in `wait_linux.rs` and `wait_generic.rs`.

use super::event::{Happened, REARMS};
use super::readiness::Direction;
use super::registry::Registry;
use super::slot::Slot;
use super::wait_generic;
#[cfg(all(target_os = "linux", not(filch_generic_poll)))]
use super::wait_linux;
use crate::runtime::task::waker::ThinWaker;
use core::time::Duration;
use polling::Poller;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// A poller that is waited on.
pub(crate) struct Driver {
    registry: Arc<Registry>,
    wait: Wait,
}

enum Wait {
    #[cfg(all(target_os = "linux", not(filch_generic_poll)))]
    Linux(wait_linux::Wait),
    Generic,
}

/// What a wait has brought, until it is dispatched.
pub(crate) struct Events {
    #[cfg(all(target_os = "linux", not(filch_generic_poll)))]
    linux: wait_linux::Events,
    generic: Option<Box<polling::Events>>,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self {
            #[cfg(all(target_os = "linux", not(filch_generic_poll)))]
            linux: wait_linux::Events::new(),
            generic: None,
        }
    }
}

impl Driver {
    /// # Errors
    /// If the system gives no more descriptors.
    pub(crate) fn new() -> io::Result<Self> {
        let poller = Poller::new()?;
        #[cfg(all(target_os = "linux", not(filch_generic_poll)))]
        let wait = wait_linux::Wait::new(&poller)?.map_or(Wait::Generic, Wait::Linux);
        #[cfg(not(all(target_os = "linux", not(filch_generic_poll))))]
        let wait = Wait::Generic;
        let direct = !matches!(wait, Wait::Generic);
        Ok(Self {
            registry: Arc::new(Registry::new(poller, direct)),
            wait,
        })
    }

    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// How many descriptors are watched.
    #[inline]
    pub(crate) fn watched(&self) -> usize {
        self.registry.watched()
    }

    /// Waits for an event, a wake-up or the end of `timeout`. One thread at a time.
    pub(crate) fn wait(&self, timeout: Option<Duration>, events: &mut Events) {
        let poller = &self.registry.poller;
        match &self.wait {
            #[cfg(all(target_os = "linux", not(filch_generic_poll)))]
            Wait::Linux(wait) => wait.wait(poller, timeout, &mut events.linux),
            Wait::Generic => {
                let generic = events.generic.get_or_insert_with(Box::default);
                wait_generic::wait(poller, timeout, generic);
            }
        }
    }

    /// Ends the present wait, or the next one if there is none.
    pub(crate) fn wake(&self) {
        match &self.wait {
            #[cfg(all(target_os = "linux", not(filch_generic_poll)))]
            Wait::Linux(wait) => wait.wake(),
            // Fails only if the poller's own descriptor is broken, when nobody could be told.
            Wait::Generic => drop(self.registry.poller.notify()),
        }
    }

    /// Tells the sources of the events, and gives who waited to `wake`: who waits alone to read at once, the others at the
    /// end.
    #[inline]
    pub(crate) fn dispatch(&self, events: &mut Events, mut wake: impl FnMut(ThinWaker)) {
        let mut others = Vec::new();
        match &self.wait {
            #[cfg(all(target_os = "linux", not(filch_generic_poll)))]
            Wait::Linux(_) => events.linux.drain(|happened| {
                if let Some(waker) = self.tell(happened, &mut others) {
                    wake(waker);
                }
            }),
            Wait::Generic => self.dispatch_generic(events, &mut others),
        }
        if !others.is_empty() {
            others.into_iter().for_each(wake);
        }
    }

    #[cold]
    fn dispatch_generic(&self, events: &mut Events, others: &mut Vec<ThinWaker>) {
        if let Some(generic) = &mut events.generic {
            wait_generic::drain(generic, |happened| {
                let reader = self.tell(happened, others);
                others.extend(reader);
            });
        }
    }

    /// Tells a source of an event; who waits alone to read is given back, and all others added to `others`.
    #[inline(always)]
    fn tell(&self, happened: Happened, others: &mut Vec<ThinWaker>) -> Option<ThinWaker> {
        // Nobody has the keys of wake-ups, nor those of sources that have ended.
        let slot = Slot::by_key(happened.key)?;
        if happened.writable {
            report_write(slot, others);
        }
        let reader = if happened.readable {
            slot.readiness
                .report(Direction::Read, happened.hung, others)
        } else {
            None
        };
        if REARMS {
            self.rearm_the_other(slot);
        }
        reader
    }

    /// Where an event disarms, what it did not report is armed again.
    #[cold]
    fn rearm_the_other(&self, slot: &Slot) {
        let home = slot.home.lock();
        let interest = slot.interest(&home);
        if self.watches(home.registry.as_ref()) && (interest.reads || interest.writes) {
            // SAFETY: the lock keeps the source from ending, and its descriptor is closed only afterwards.
            let descriptor = unsafe { BorrowedFd::borrow_raw(home.descriptor) };
            // It fails if the descriptor was closed behind the source's back.
            let _ = self.registry.modify(descriptor, interest);
        }
    }

    fn watches(&self, registry: Option<&Arc<Registry>>) -> bool {
        registry.is_some_and(|registry| Arc::ptr_eq(registry, &self.registry))
    }

    /// The runtime has ended: who waits is given to `wake`, and nothing is watched any more. What is left registers
    /// elsewhere.
    pub(crate) fn close(&self, mut wake: impl FnMut(ThinWaker)) {
        // Seen by whoever locks a slot after the loop below has looked at it, and by whoever takes a new one.
        self.registry.close();
        for slot in Slot::all() {
            let mut home = slot.home.lock();
            if !self.watches(home.registry.as_ref()) {
                continue;
            }
            let registry = home.registry.take();
            home.writes = false;
            drop(home);
            drop(registry);
            self.registry.forget();
            slot.readiness.disarm().into_iter().for_each(&mut wake);
        }
    }
}

/// Writes are refused seldom. That they are told as the end of the stream is costs nothing more: see `readiness.rs`.
#[cold]
fn report_write(slot: &Slot, into: &mut Vec<ThinWaker>) {
    let one = slot.readiness.report(Direction::Write, true, into);
    into.extend(one);
}

#[cfg(test)]
mod tests {
    use super::{Driver, Events};
    use core::time::Duration;
    use std::time::Instant;

    #[test]
    fn a_wake_before_the_wait_ends_the_wait_at_once() {
        let (driver, mut events) = (Driver::new().unwrap(), Events::new());
        driver.wake();
        driver.wait(None, &mut events);
        driver.wake();
        driver.wake();
        driver.wait(None, &mut events);
        driver.dispatch(&mut events, |_| panic!("nobody waits"));
    }

    #[test]
    fn a_wake_from_another_thread_ends_the_wait() {
        let (driver, mut events) = (Driver::new().unwrap(), Events::new());
        std::thread::scope(|scope| {
            scope.spawn(|| driver.wake());
            driver.wait(None, &mut events);
        });
    }

    #[test]
    fn a_timeout_is_never_early_and_may_be_below_a_millisecond() {
        let (driver, mut events) = (Driver::new().unwrap(), Events::new());
        for micros in [0, 1, 200, 1500] {
            let (start, timeout) = (Instant::now(), Duration::from_micros(micros));
            driver.wait(Some(timeout), &mut events);
            assert!(start.elapsed() >= timeout);
        }
    }
}

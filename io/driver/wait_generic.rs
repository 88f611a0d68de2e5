//! The wait that every system supports: `Poller::wait`.

use super::event::{Happened, REARMS};
use core::time::Duration;
use polling::{Events, Poller};

/// Waits for an event, a wake-up or the end of `timeout`. One thread at a time.
pub(super) fn wait(poller: &Poller, timeout: Option<Duration>, events: &mut Events) {
    events.clear();
    // An interrupted or refused wait looks like an early wake-up, which callers expect.
    let _ = poller.wait(events, timeout);
}

/// Tells of each event, and forgets it.
pub(super) fn drain(events: &mut Events, mut tell: impl FnMut(Happened)) {
    for event in events.iter() {
        tell(Happened {
            key: event.key,
            readable: event.readable,
            writable: event.writable,
            // `polling` does not say. Where an event disarms, the next arming asks again; where it does not, the peer's
            // last word may have come together with data, and no other event follows.
            hung: !REARMS,
        });
    }
    events.clear();
}

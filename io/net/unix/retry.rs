//! Trying again after a time. A Unix socket is refused with `WouldBlock` where another socket's queue is full, and no event tells
//! when it has room: that is not the socket which one may watch. It owns the pace.

use crate::timer::sleep;
use core::time::Duration;

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_millis(50);

/// Pauses between attempts: 1 ms at first, each twice as long as the last, up to 50 ms.
pub(super) struct Pauses(Duration);

impl Pauses {
    pub(super) const fn new() -> Self {
        Self(SHORTEST)
    }

    pub(super) async fn pause(&mut self) {
        sleep(self.0).await;
        self.0 = (self.0 * 2).min(LONGEST);
    }
}

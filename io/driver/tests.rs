//! What the driver must hold against events that come too late, too often, or for nothing. The names bear the rows of the
//! table of faults.

use super::readiness::{Direction, Wait};
use super::slot::Slot;
use super::{Driver, Events};
use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use core::task::Waker;
use core::time::Duration;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::Wake;

const READ: Direction = Direction::Read;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// As a source does at its first wait.
fn begin(driver: &Driver, slot: &'static Slot, stream: &UnixStream) {
    let mut home = slot.home.lock();
    home.descriptor = stream.as_raw_fd();
    slot.readiness.arm(READ);
    let registry = driver.registry().clone();
    registry
        .add(stream.as_fd(), slot.interest(&home))
        .expect("a registration");
    home.registry = Some(registry);
}

/// As a source does when it is dropped.
fn end(driver: &Driver, slot: &Slot, stream: &UnixStream) {
    slot.home.lock().registry = None;
    driver.registry().remove(stream.as_fd());
    drop(slot.readiness.disarm());
    slot.release();
}

/// This very slot, if no other test has it meanwhile.
fn acquire_again(slot: &'static Slot) -> bool {
    let mut others = Vec::new();
    for _ in 0..1000 {
        let other = Slot::acquire().expect("a slot");
        if core::ptr::eq(other, slot) {
            others.into_iter().for_each(Slot::release);
            return true;
        }
        others.push(other);
    }
    others.into_iter().for_each(Slot::release);
    false
}

/// The source ends between the wait that has brought its event and the dispatch, and the next one has its slot already:
/// that is not told.
#[test]
fn e62_event_in_flight_does_not_reach_the_next_source_of_the_slot() {
    let mut seen = 0;
    for _ in 0..1000 {
        let (driver, mut events) = (Driver::new().unwrap(), Events::new());
        let slot = Slot::acquire().unwrap();
        let (old, mut peer) = UnixStream::pair().unwrap();
        begin(&driver, slot, &old);
        peer.write_all(b"for the old one").unwrap();
        driver.wait(Some(Duration::from_secs(10)), &mut events);
        end(&driver, slot, &old);
        // The number of the descriptor is free for the next, too.
        drop((old, peer));
        let (new, mut peer) = UnixStream::pair().unwrap();
        if !acquire_again(slot) {
            continue;
        }
        begin(&driver, slot, &new);
        let count = Arc::<Count>::default();
        let waker = Waker::from(count.clone());
        assert_eq!(slot.readiness.wait(READ, &waker), Wait::Waiting);
        driver.dispatch(&mut events, |_| panic!("it had no event"));
        assert_eq!(slot.readiness.wait(READ, &waker), Wait::Waiting);
        peer.write_all(b"for the new one").unwrap();
        driver.wait(Some(Duration::from_secs(10)), &mut events);
        driver.dispatch(&mut events, |waker| waker.wake());
        assert_eq!(count.0.load(SeqCst), 1);
        end(&driver, slot, &new);
        seen += 1;
        if seen == 20 {
            return;
        }
    }
    panic!("another test always had the slot");
}

/// Events for keys that nobody has, and an end with an event in flight.
#[test]
fn e62_event_after_the_end_is_nobodys() {
    let (driver, mut events) = (Driver::new().unwrap(), Events::new());
    let slot = Slot::acquire().unwrap();
    let (stream, mut peer) = UnixStream::pair().unwrap();
    begin(&driver, slot, &stream);
    let waker = Waker::from(Arc::<Count>::default());
    assert_eq!(slot.readiness.wait(READ, &waker), Wait::Waiting);
    peer.write_all(b"x").unwrap();
    driver.wait(Some(Duration::from_secs(10)), &mut events);
    end(&driver, slot, &stream);
    driver.dispatch(&mut events, |_| panic!("nobody waits"));
    assert_eq!(driver.watched(), 0);
}

/// Storms of wake-ups from several threads are as many or as few as the system makes of them, and the last one of each is
/// never lost.
#[test]
fn e83_storms_of_wake_ups_lose_none() {
    const THREADS: usize = 4;
    const EACH: usize = 20_000;
    let driver = Arc::new(Driver::new().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let (tell, ended) = std::sync::mpsc::channel();
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (driver, asked) = (driver.clone(), asked.clone());
            std::thread::spawn(move || {
                for round in 0..EACH {
                    asked.fetch_add(1, SeqCst);
                    driver.wake();
                    if round % 1000 == 0 {
                        std::thread::yield_now();
                    }
                }
            })
        })
        .collect();
    std::thread::spawn(move || {
        let (mut events, mut waits) = (Events::new(), 0);
        while asked.load(SeqCst) < THREADS * EACH {
            driver.wait(None, &mut events);
            driver.dispatch(&mut events, |_| panic!("nobody waits"));
            waits += 1;
        }
        tell.send(waits).expect("the test listens");
    });
    let waits = ended
        .recv_timeout(Duration::from_secs(60))
        .expect("a wake-up was lost");
    assert!((1..=THREADS * EACH + 1).contains(&waits));
    for thread in threads {
        thread.join().unwrap();
    }
}

//! What a sink sees of write-behind, and who is woken.

use super::{Behind, Sink};
use crate::runtime::home::Home;
use core::task::{Context, Poll, Waker};
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, atomic::AtomicUsize, atomic::Ordering::Relaxed, mpsc};

/// Tells each write, and waits until it may go on.
struct Gate {
    told: Mutex<Vec<(u64, Vec<u8>)>>,
    begins: mpsc::Sender<()>,
    may_go_on: Mutex<mpsc::Receiver<()>>,
}

impl Sink for Gate {
    /// How far to move back.
    type Beside = u64;

    fn take_back(beside: &mut u64) -> u64 {
        core::mem::take(beside)
    }

    fn write(&self, back: u64, bytes: &[u8]) -> io::Result<()> {
        self.told.lock().unwrap().push((back, bytes.to_vec()));
        self.begins.send(()).unwrap();
        let go = self.may_go_on.lock().unwrap().recv();
        go.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn name(&self) -> String {
        "a gate".into()
    }
}

type Gated = (Arc<Behind<Gate>>, mpsc::Receiver<()>, mpsc::Sender<()>);

fn gated() -> Gated {
    let (begins, begun) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let sink = Gate {
        told: Mutex::new(Vec::new()),
        begins,
        may_go_on: Mutex::new(may_go_on),
    };
    let behind = Behind::new(sink, Home::here());
    behind.add_handle();
    (Arc::new(behind), begun, go_on)
}

#[derive(Default)]
struct Count(AtomicUsize);

impl std::task::Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

fn write(behind: &Arc<Behind<Gate>>, waker: &Waker, bytes: &[u8]) -> Poll<io::Result<usize>> {
    let cx = Context::from_waker(waker);
    behind.poll_write(&cx, &[IoSlice::new(bytes)], 4, |back| *back += 1)
}

/// Accepts on a thread of its own, which without a runtime is the writer.
fn write_elsewhere(
    behind: &Arc<Behind<Gate>>,
    bytes: &'static [u8],
) -> std::thread::JoinHandle<()> {
    let behind = behind.clone();
    std::thread::spawn(move || {
        let taken = write(&behind, Waker::noop(), bytes);
        assert!(matches!(taken, Poll::Ready(Ok(count)) if count == bytes.len()));
    })
}

#[test]
fn pieces_are_whole_wakers_are_many_and_the_position_moves_back_once() {
    let (behind, begun, go_on) = gated();
    let writer = write_elsewhere(&behind, b"ab");
    begun.recv().unwrap();
    // While that is written, two more pieces have room, and a third has none.
    assert!(write(&behind, Waker::noop(), b"cd").is_ready());
    assert!(write(&behind, Waker::noop(), b"e").is_ready());
    let counts: Vec<_> = (0..3).map(|_| Arc::new(Count::default())).collect();
    for count in &counts {
        let waker = Waker::from(count.clone());
        assert!(write(&behind, &waker, b"fg").is_pending());
        assert!(write(&behind, &waker, b"fg").is_pending());
    }
    assert_eq!(behind.books.lock().waiters.len(), 3);
    go_on.send(()).unwrap();
    begun.recv().unwrap();
    assert!(counts.iter().all(|count| count.0.load(Relaxed) == 1));
    assert!(write(&behind, Waker::noop(), b"fg").is_ready());
    go_on.send(()).unwrap();
    begun.recv().unwrap();
    go_on.send(()).unwrap();
    writer.join().unwrap();
    let told = behind.sink.told.lock().unwrap().clone();
    let expected: [(u64, Vec<u8>); 3] = [(1, b"ab".into()), (2, b"cde".into()), (1, b"fg".into())];
    assert_eq!(told, expected);
    let flushed = behind.poll_flush(&Context::from_waker(Waker::noop()));
    assert!(matches!(flushed, Poll::Ready(Ok(()))));
}

#[test]
fn what_follows_a_failure_is_given_up_until_somebody_is_told() {
    let (behind, begun, go_on) = gated();
    let writer = write_elsewhere(&behind, b"ab");
    begun.recv().unwrap();
    assert!(write(&behind, Waker::noop(), b"cd").is_ready());
    drop(go_on);
    writer.join().unwrap();
    let told = write(&behind, Waker::noop(), b"ef");
    assert!(matches!(told, Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe));
    assert_eq!(
        behind.sink.told.lock().unwrap().len(),
        1,
        "nothing was written since"
    );
    let flushed = behind.poll_flush(&Context::from_waker(Waker::noop()));
    assert!(matches!(flushed, Poll::Ready(Ok(()))), "it is told once");
}

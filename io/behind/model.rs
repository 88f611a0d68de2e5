//! Loom models of write-behind: bytes that are accepted while a writer ends, and a flush while another job writes.

use super::{Behind, Sink, Writer};
use crate::runtime::home::Home;
use crate::runtime::model::check;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use core::task::{Context, Poll, Waker};
use loom::thread;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex};

/// Remembers what was written. Its lock is not loom's, because the turn is what orders writes; they are not instant.
#[derive(Default)]
struct Record(Mutex<Vec<u8>>);

impl Sink for Record {
    type Beside = ();

    fn write(&self, _: u64, bytes: &[u8]) -> io::Result<()> {
        thread::yield_now();
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }

    fn name(&self) -> String {
        "a record".into()
    }
}

impl Behind<Record> {
    fn written(&self) -> Vec<u8> {
        let mut bytes = self.sink.0.lock().unwrap().clone();
        bytes.sort_unstable();
        bytes
    }
}

fn behind() -> Arc<Behind<Record>> {
    let behind = Behind::new(Record::default(), Home::here());
    behind.add_handle();
    Arc::new(behind)
}

#[derive(Default)]
struct Count(AtomicUsize);

impl std::task::Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// Two accept, and whoever is first is the writer, on its own thread: it writes the byte of the other, or that one
/// becomes a writer.
#[test]
fn accept_against_end() {
    check(|| {
        let behind = behind();
        let accept = |byte: u8| {
            let behind = behind.clone();
            move || {
                let cx = Context::from_waker(Waker::noop());
                let buffer = [byte];
                let taken = behind.poll_write(&cx, &[IoSlice::new(&buffer)], 2, |()| ());
                assert!(matches!(taken, Poll::Ready(Ok(1))));
            }
        };
        let other = thread::spawn(accept(1));
        accept(2)();
        other.join().unwrap();
        assert_eq!(behind.written(), [1, 2]);
        let cx = Context::from_waker(Waker::noop());
        assert!(matches!(behind.poll_flush(&cx), Poll::Ready(Ok(()))));
    });
}

/// A job settles, a writer comes to its end, and somebody flushes: if that is done, the byte is written, and if it is not,
/// it is told when it is.
#[test]
fn flush_against_settle() {
    check(|| {
        let behind = behind();
        {
            let mut books = behind.books.lock();
            books.gathered.push(1);
            books.writing = true;
        }
        let writer = Writer {
            behind: behind.clone(),
            has_ended: false,
        };
        let settler = behind.clone();
        let settles = thread::spawn(move || assert!(settler.turn().settle().is_ok()));
        let writes = thread::spawn(move || drop(writer));
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let cx = Context::from_waker(&waker);
        let flushed = behind.poll_flush(&cx);
        if flushed.is_ready() {
            assert_eq!(behind.written(), [1]);
        }
        settles.join().unwrap();
        writes.join().unwrap();
        assert_eq!(behind.written(), [1]);
        if flushed.is_pending() {
            assert!(count.0.load(Relaxed) > 0);
        }
        assert!(behind.poll_flush(&cx).is_ready());
    });
}

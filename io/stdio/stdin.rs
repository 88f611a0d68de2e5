//! Standard input, read by a thread of the process. It owns that thread, and the bytes that it read and nobody has taken;
//! it must not know what a runtime is.
//!
//! The thread starts at the first read, reads when somebody asks, once each time, and is joined by nobody: a `read` that
//! waits for a person cannot be interrupted, and the end of a runtime is not to wait for it.

use super::ready::{For, insist};
use crate::io::traits::{PollBufRead, PollRead, buf_readers, readers};
use crate::runtime::coop;
use crate::runtime::quietly::quietly;
use core::fmt;
use core::mem::{self, MaybeUninit};
use core::task::{Context, Poll, Waker, ready};
use parking_lot::{Condvar, Mutex};
use std::io::{self, BufRead, IsTerminal};
use std::thread;

static SOURCE: Source = Source {
    books: Mutex::new(Books {
        has_thread: false,
        is_wanted: false,
        bytes: Vec::new(),
        end: None,
        waiters: Vec::new(),
        handles: 0,
    }),
    wanted: Condvar::new(),
};

/// What the thread and all handles share.
struct Source {
    books: Mutex<Books>,
    wanted: Condvar,
}

struct Books {
    has_thread: bool,
    /// A read is asked for, or under way.
    is_wanted: bool,
    bytes: Vec<u8>,
    /// A read that gave no bytes, told to one who asks: the end, or an error.
    end: Option<io::Result<()>>,
    /// Who waits, by the numbers of their handles.
    waiters: Vec<(u64, Waker)>,
    /// How many there ever were.
    handles: u64,
}

/// A handle to the process's standard input.
///
/// No runtime is needed: a thread of the process reads, and whoever polls is woken.
///
/// ```no_run
/// use futures_lite::{AsyncBufReadExt, StreamExt};
///
/// filch::block_on(async {
///     let mut lines = filch::io::stdin().lines();
///     while let Some(line) = lines.next().await {
///         println!("you said {}", line?);
///     }
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
pub fn stdin() -> Stdin {
    let mut books = SOURCE.books.lock();
    books.handles += 1;
    Stdin {
        number: books.handles,
        bytes: Vec::new(),
        start: 0,
        is_ready: false,
        std: io::stdin(),
    }
}

/// The process's standard input, made by [`stdin`]: an [`AsyncRead`](futures_io::AsyncRead) and
/// [`AsyncBufRead`](futures_io::AsyncBufRead), so that it has lines.
///
/// It is read by one thread of the process, which starts at the first read and is never waited for: a runtime ends also
/// while nobody types. The thread reads only when it is asked to, up to 8 KiB.
///
/// **Bytes read ahead** belong to the process. A handle takes them when it is polled, and gives back what it has not used
/// as it is dropped, for the next handle. Bytes that come after a read was given up are kept for the next one. All of
/// them are lost to those who read the descriptor in another way, such as a child process; and while a read is under way,
/// also one that was given up, [`std::io::stdin`] on another thread waits for its end.
///
/// Several handles may read, and each byte comes to one of them; which one is not said.
///
/// # Cancel safety
///
/// No byte is lost if the future of a read is dropped.
///
/// # Examples
///
/// ```no_run
/// use filch::time::timeout;
/// use futures_lite::AsyncBufReadExt;
/// use std::time::Duration;
///
/// filch::block_on(async {
///     let mut answer = String::new();
///     let mut stdin = filch::io::stdin();
///     match timeout(Duration::from_secs(10), stdin.read_line(&mut answer)).await {
///         Ok(read) => println!("{} bytes: {answer}", read?),
///         Err(_) => println!("too late"),
///     }
///     # Ok::<(), std::io::Error>(())
/// }).unwrap();
/// ```
pub struct Stdin {
    number: u64,
    /// What this handle has taken, used up to `start`.
    bytes: Vec<u8>,
    start: usize,
    /// Whether `poll_fill_buf` was ready, and is so once more, also at the end and when the budget is used up.
    is_ready: bool,
    std: io::Stdin,
}

readers!(Stdin);
buf_readers!(Stdin);

// SAFETY: what is given is how many bytes were written into the beginning of the buffer.
unsafe impl PollRead for Stdin {
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.is_ready = false;
        ready!(self.poll_bytes(cx))?;
        let unused = &self.bytes[self.start..];
        let count = unused.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(unused) {
            to.write(*from);
        }
        self.start += count;
        Poll::Ready(Ok(count))
    }
}

impl PollBufRead for Stdin {
    fn poll_fill_buf(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        if !mem::take(&mut self.is_ready) {
            ready!(self.poll_bytes(cx))?;
            self.is_ready = true;
        }
        Poll::Ready(Ok(&self.bytes[self.start..]))
    }

    /// # Panics
    /// If `count` is more than there is.
    fn consume(&mut self, count: usize) {
        let unused = self.bytes.len() - self.start;
        assert!(
            count <= unused,
            "`Stdin::consume` was called for {count} bytes of {unused}: consume what `poll_fill_buf` gave"
        );
        self.start += count;
        self.is_ready = false;
    }
}

impl Stdin {
    /// Whether it comes from a terminal; see [`std::io::IsTerminal`].
    ///
    /// ```
    /// if filch::io::stdin().is_terminal() {
    ///     println!("what is your name?");
    /// }
    /// ```
    pub fn is_terminal(&self) -> bool {
        self.std.is_terminal()
    }

    /// Ready when this handle has unused bytes, or the input has ended.
    fn poll_bytes(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        ready!(coop::poll_proceed(cx));
        if self.start == self.bytes.len() {
            self.start = 0;
            self.bytes.clear();
            self.bytes = ready!(self.poll_source(cx))?;
        }
        coop::made_progress();
        Poll::Ready(Ok(()))
    }

    fn poll_source(&self, cx: &Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        let mut waker = None;
        loop {
            let mut books = SOURCE.books.lock();
            if !books.bytes.is_empty() {
                return Poll::Ready(Ok(mem::take(&mut books.bytes)));
            }
            if let Some(end) = books.end.take() {
                return Poll::Ready(end.map(|()| Vec::new()));
            }
            let Some(waker) = waker.take() else {
                drop(books);
                // Not under the lock: a clone is foreign code.
                waker = Some(cx.waker().clone());
                continue;
            };
            let old = books.set_waiter(self.number, Some(waker));
            books.is_wanted = true;
            let start = !mem::replace(&mut books.has_thread, true);
            drop(books);
            drop(old);
            if start {
                start_thread()?;
            }
            SOURCE.wanted.notify_one();
            return Poll::Pending;
        }
    }
}

impl Books {
    /// Replaces the waker of a handle; the old one.
    fn set_waiter(&mut self, number: u64, waker: Option<Waker>) -> Option<Waker> {
        let old = self
            .waiters
            .iter()
            .position(|(of, _)| *of == number)
            .map(|at| self.waiters.swap_remove(at).1);
        self.waiters.extend(waker.map(|waker| (number, waker)));
        old
    }
}

fn start_thread() -> io::Result<()> {
    let thread = thread::Builder::new().name("filch-stdin".into());
    match thread.spawn(read_when_wanted) {
        Ok(_detached) => Ok(()),
        Err(error) => {
            SOURCE.books.lock().has_thread = false;
            Err(error)
        }
    }
}

fn read_when_wanted() {
    let stdin = io::stdin();
    loop {
        let mut books = SOURCE.books.lock();
        while !books.is_wanted {
            SOURCE.wanted.wait(&mut books);
        }
        drop(books);
        let read = read_once(&stdin);
        let mut books = SOURCE.books.lock();
        books.is_wanted = false;
        match read {
            Ok(bytes) if !bytes.is_empty() => books.bytes.extend(bytes),
            end => books.end = Some(end.map(drop)),
        }
        let waiters = mem::take(&mut books.waiters);
        drop(books);
        wake(waiters);
    }
}

/// What is in `std`'s buffer, or else what one `read` gives.
fn read_once(stdin: &io::Stdin) -> io::Result<Vec<u8>> {
    let mut locked = stdin.lock();
    let bytes = insist(stdin, For::Reading, || {
        locked.fill_buf().map(<[u8]>::to_vec)
    })?;
    locked.consume(bytes.len());
    Ok(bytes)
}

fn wake(waiters: Vec<(u64, Waker)>) {
    for (_, waker) in waiters {
        quietly(|| waker.wake());
    }
}

impl Drop for Stdin {
    /// Gives back what was not used.
    fn drop(&mut self) {
        let unused = &self.bytes[self.start..];
        let mut books = SOURCE.books.lock();
        let old = books.set_waiter(self.number, None);
        let mut waiters = Vec::new();
        if !unused.is_empty() {
            books.bytes.splice(..0, unused.iter().copied());
            waiters = mem::take(&mut books.waiters);
        }
        drop(books);
        drop(old);
        wake(waiters);
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdin")
            .field("bytes_at_hand", &(self.bytes.len() - self.start))
            .finish_non_exhaustive()
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for Stdin {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.std.as_fd()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsHandle for Stdin {
    fn as_handle(&self) -> std::os::windows::io::BorrowedHandle<'_> {
        self.std.as_handle()
    }
}

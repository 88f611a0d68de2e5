//! Counts of what happened to futures and outputs.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;

/// How many tokens were made and how many dropped, and whatever else a test counts.
#[derive(Clone, Default)]
pub(crate) struct Tally(Arc<Numbers>);

#[derive(Default)]
struct Numbers {
    made: AtomicUsize,
    dropped: AtomicUsize,
    events: AtomicUsize,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A token, counted when it is made and when it is dropped.
    pub(crate) fn token(&self) -> Token {
        self.0.made.fetch_add(1, SeqCst);
        Token(self.clone())
    }

    pub(crate) fn made(&self) -> usize {
        self.0.made.load(SeqCst)
    }

    pub(crate) fn dropped(&self) -> usize {
        self.0.dropped.load(SeqCst)
    }

    /// Counts an event; how many there were before.
    pub(crate) fn count(&self) -> usize {
        self.0.events.fetch_add(1, SeqCst)
    }

    pub(crate) fn counted(&self) -> usize {
        self.0.events.load(SeqCst)
    }
}

/// Counts its own drop.
pub(crate) struct Token(Tally);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.0.dropped.fetch_add(1, SeqCst);
    }
}

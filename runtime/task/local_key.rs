//! Task-local values: set for the length of a future, wherever it is polled.

use core::cell::RefCell;
use core::fmt;
use core::future::Future;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll};
use pin_project_lite::pin_project;
use std::thread;

/// Declares task-local values: asyncio's context variables, tokio's `task_local!`.
///
/// A value is set with [`scope`](crate::task::LocalKey::scope) for a future and all that it awaits. A spawned task starts
/// without; [`inherit`](crate::task::LocalKey::inherit) gives it the value of its spawner.
///
/// ```
/// filch::task_local! {
///     /// Who asked.
///     static USER: String;
/// }
///
/// filch::block_on(USER.scope("ada".into(), async {
///     assert_eq!(USER.get(), "ada");
///     let child = filch::spawn(USER.inherit(async { USER.get() }));
///     assert_eq!(child.await.unwrap(), "ada");
///     let orphan = filch::spawn(async { USER.try_get() });
///     assert_eq!(orphan.await.unwrap(), None);
/// }));
/// ```
#[macro_export]
macro_rules! task_local {
    () => {};
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty; $($rest:tt)*) => {
        $crate::task_local!($(#[$attribute])* $visibility static $name: $type);
        $crate::task_local!($($rest)*);
    };
    ($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty) => {
        $(#[$attribute])*
        $visibility static $name: $crate::task::LocalKey<$type> = {
            ::std::thread_local! {
                static SLOT: ::core::cell::RefCell<::core::option::Option<$type>> =
                    const { ::core::cell::RefCell::new(::core::option::Option::None) };
            }
            $crate::task::LocalKey::__new(&SLOT)
        };
    };
}

/// A task-local value, declared with [`task_local!`](crate::task_local).
///
/// ```
/// filch::task_local! { static USER: &'static str; }
///
/// filch::block_on(async {
///     assert_eq!(USER.try_get(), None);
///     assert_eq!(USER.scope("ada", async { USER.get() }).await, "ada");
/// });
/// ```
pub struct LocalKey<T: 'static> {
    slot: &'static thread::LocalKey<RefCell<Option<T>>>,
}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn __new(slot: &'static thread::LocalKey<RefCell<Option<T>>>) -> Self {
        Self { slot }
    }

    /// Runs `future` with the value set. The scope ends with the future; the value is dropped with it.
    ///
    /// ```
    /// filch::task_local! { static USER: &'static str; }
    ///
    /// filch::block_on(USER.scope("ada", async {
    ///     assert_eq!(USER.get(), "ada");
    ///     assert_eq!(USER.scope("bob", async { USER.get() }).await, "bob");
    ///     assert_eq!(USER.get(), "ada");
    /// }));
    /// ```
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> Scoped<T, F> {
        Scoped {
            key: self,
            value: Some(value),
            future: Some(future),
        }
    }

    /// Runs `f` with the value set.
    ///
    /// ```
    /// filch::task_local! { static USER: &'static str; }
    ///
    /// assert_eq!(USER.sync_scope("ada", || USER.get()), "ada");
    /// ```
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        let mut value = Some(value);
        let _swap = Swap::new(self, &mut value);
        f()
    }

    /// Runs `future` with the value that is set here and now, or with none.
    ///
    /// ```
    /// filch::task_local! { static USER: &'static str; }
    ///
    /// filch::block_on(USER.scope("ada", async {
    ///     let child = filch::spawn(USER.inherit(async { USER.get() }));
    ///     assert_eq!(child.await.unwrap(), "ada");
    /// }));
    /// ```
    pub fn inherit<F: Future>(&'static self, future: F) -> Scoped<T, F>
    where
        T: Clone,
    {
        Scoped {
            key: self,
            value: self.try_get(),
            future: Some(future),
        }
    }

    /// Calls `f` with the value.
    ///
    /// # Panics
    ///
    /// Outside a scope; [`try_with`](Self::try_with) gives `None` there.
    ///
    /// # Examples
    ///
    /// ```
    /// filch::task_local! { static USER: &'static str; }
    ///
    /// assert_eq!(USER.sync_scope("ada", || USER.with(|user| user.len())), 3);
    /// ```
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Some(result) => result,
            None => panic!(
                "a task-local value was read outside its scope: wrap the future in `KEY.scope(value, future)`, or a \
                 spawned one in `KEY.inherit(future)`"
            ),
        }
    }

    /// Calls `f` with the value, if there is one.
    ///
    /// ```
    /// filch::task_local! { static USER: &'static str; }
    ///
    /// assert_eq!(USER.try_with(|user| user.len()), None);
    /// ```
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Option<R> {
        self.slot.with(|slot| slot.borrow().as_ref().map(f))
    }

    /// A copy of the value.
    ///
    /// # Panics
    ///
    /// Outside a scope.
    ///
    /// # Examples
    ///
    /// ```
    /// filch::task_local! { static USER: &'static str; }
    ///
    /// assert_eq!(USER.sync_scope("ada", || USER.get()), "ada");
    /// ```
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// A copy of the value, if there is one.
    ///
    /// ```
    /// filch::task_local! { static USER: &'static str; }
    ///
    /// assert_eq!(USER.try_get(), None);
    /// ```
    pub fn try_get(&'static self) -> Option<T>
    where
        T: Clone,
    {
        self.try_with(T::clone)
    }
}

impl<T> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// The value is in the thread's slot, and what was there before is in `kept`, until this is dropped.
struct Swap<'a, T: 'static> {
    key: &'static LocalKey<T>,
    kept: &'a mut Option<T>,
}

impl<'a, T> Swap<'a, T> {
    fn new(key: &'static LocalKey<T>, kept: &'a mut Option<T>) -> Self {
        key.slot
            .with(|slot| mem::swap(&mut *slot.borrow_mut(), kept));
        Self { key, kept }
    }
}

impl<T> Drop for Swap<'_, T> {
    fn drop(&mut self) {
        // A thread that is ending has no slot any more; then the value stays where it is.
        let _ = self
            .key
            .slot
            .try_with(|slot| mem::swap(&mut *slot.borrow_mut(), self.kept));
    }
}

pin_project! {
    /// The future of [`LocalKey::scope`] and [`LocalKey::inherit`].
    ///
    /// ```
    /// filch::task_local! { static USER: &'static str; }
    ///
    /// let scoped: filch::task::Scoped<_, _> = USER.scope("ada", async { USER.get() });
    /// assert_eq!(filch::block_on(scoped), "ada");
    /// ```
    #[must_use = "futures do nothing unless awaited"]
    pub struct Scoped<T, F>
    where
        T: 'static,
    {
        key: &'static LocalKey<T>,
        value: Option<T>,
        #[pin]
        future: Option<F>,
    }

    impl<T: 'static, F> PinnedDrop for Scoped<T, F> {
        fn drop(this: Pin<&mut Self>) {
            // The future's drop sees the value, as its polls did.
            let mut this = this.project();
            let _swap = Swap::new(this.key, this.value);
            this.future.set(None);
        }
    }
}

impl<T: 'static, F: Future> Future for Scoped<T, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let _swap = Swap::new(this.key, this.value);
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            panic!("a task-local scope was polled after it was ready: await it once");
        };
        let polled = future.poll(cx);
        if polled.is_ready() {
            // Dropped while the value is set.
            this.future.set(None);
        }
        polled
    }
}

impl<T, F> fmt::Debug for Scoped<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped").finish_non_exhaustive()
    }
}

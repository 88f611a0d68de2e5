//! Atomics that notice if they are touched after their end: every access is also a read of a cell that the end writes,
//! so loom complains unless each access happens before it.

use core::sync::atomic::Ordering;
use loom::cell::UnsafeCell;

macro_rules! mortal {
    ($name:ident, $of:ident, $value:ty) => {
        pub(crate) struct $name {
            value: loom::sync::atomic::$of,
            life: UnsafeCell<()>,
        }

        #[allow(dead_code, reason = "not every width needs every operation")]
        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                Self {
                    value: loom::sync::atomic::$of::new(value),
                    life: UnsafeCell::new(()),
                }
            }
            fn alive(&self) -> &loom::sync::atomic::$of {
                self.life.with(|_| ());
                &self.value
            }
            /// Nobody may touch the value after this.
            pub(crate) fn end(&self) {
                self.life.with_mut(|_| ());
            }
            pub(crate) fn load(&self, order: Ordering) -> $value {
                self.alive().load(order)
            }
            pub(crate) fn store(&self, value: $value, order: Ordering) {
                self.alive().store(value, order);
            }
            pub(crate) fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                self.alive().fetch_add(value, order)
            }
            pub(crate) fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                self.alive().fetch_sub(value, order)
            }
            pub(crate) fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                self.alive().fetch_or(value, order)
            }
            pub(crate) fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                self.alive().fetch_and(value, order)
            }
            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.alive()
                    .compare_exchange(current, new, success, failure)
            }
            pub(crate) fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.alive()
                    .compare_exchange_weak(current, new, success, failure)
            }
        }
    };
}

mortal!(AtomicU8, AtomicU8, u8);
mortal!(AtomicU64, AtomicU64, u64);
mortal!(AtomicUsize, AtomicUsize, usize);

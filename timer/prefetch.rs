//! A hint to the cache, portable by doing nothing where there is none.

/// Asks for the cache line at `pointer`, which need not be valid: a prefetch never faults.
#[inline(always)]
pub(super) fn prefetch<T>(pointer: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: SSE is part of the x86_64 baseline, and a prefetch is a hint that reads nothing
    // the program can observe and never faults, whatever the address.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(pointer.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = pointer;
}

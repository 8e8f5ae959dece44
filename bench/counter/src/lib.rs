//! The system allocator with a count of allocations for each thread.
//!
//! A crate of its own, because an allocator cannot be written without `unsafe`, which the benchmark forbids. The
//! published ones are too heavy to stay in place while speed is measured: `stats_alloc` counts with
//! atomics that client and server would share, and `allocation-counter` turns every `realloc` into a new
//! allocation and a copy. This one only increments a thread-local number.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// The system allocator, which counts the calls of each thread.
#[derive(Debug)]
pub struct CountingAllocator;

/// Returns how often the calling thread has allocated or grown memory since it started.
pub fn allocations() -> u64 {
    COUNT.get()
}

fn count() {
    COUNT.set(COUNT.get() + 1);
}

// SAFETY: every method passes its arguments to `System` unchanged and returns what `System` returned. CountingAllocator
// neither allocates nor unwinds: the number is initialised in place, has no destructor, and cannot overflow in
// practice.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

//! Limits the memory of one thread that runs a template or compiles a structure: the bytes it holds, and the number of its
//! allocations, which bounds work that costs no fuel. An allocation that fails would abort the process, and a
//! stack cannot be unwound from inside the allocator. So a thread that exceeds its share is stopped forever
//! inside the allocator: the pages of its large allocations go back to the system, its caller gets an error,
//! and only its small objects stay. Therefore the work must hold no lock that other threads need. A panic
//! hook that prints would hold one.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::Thread;
use std::time::Duration;

const RUNS: u8 = 0;
const ENDED: u8 = 1;
const RESTS: u8 = 2;
const LARGE: usize = 256 << 10; // allocations from this size on are given back
const LARGE_COUNT: usize = 4096;
const PAGES: usize = 64 << 10; // a multiple of every page size

/// The limits of one piece of work.
#[derive(Clone, Copy)]
pub struct Share {
    pub stack_bytes: usize,
    pub bytes: usize, // held at a time
    pub requests: usize,
}

struct Watch {
    share: Share,
    requests: Cell<usize>,
    held: Cell<usize>,
    large: UnsafeCell<[(*mut u8, usize); LARGE_COUNT]>, // null: free
    state: AtomicU8,
    caller: Thread,
}

thread_local! {
    static WATCH: Cell<*const Watch> = const { Cell::new(std::ptr::null()) };
}

struct Watched;

#[global_allocator]
static ALLOCATOR: Watched = Watched;

unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let watch = WATCH.get();
        if watch.is_null() {
            return System.alloc(layout);
        }
        (*watch).reserve(layout.size());
        let at = System.alloc(layout);
        (*watch).holds(at, layout.size());
        at
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        let watch = WATCH.get();
        if !watch.is_null() {
            (*watch).lets_go(at, layout.size());
        }
        System.dealloc(at, layout);
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let watch = WATCH.get();
        if watch.is_null() {
            return System.realloc(at, layout, size);
        }
        if size > layout.size() {
            (*watch).reserve(size - layout.size());
        }
        (*watch).lets_go(at, layout.size());
        let new = System.realloc(at, layout, size);
        if new.is_null() {
            (*watch).holds(at, layout.size());
        } else {
            (*watch).holds(new, size);
        }
        new
    }
}

impl Watch {
    /// Returns only if there is room; else stops this thread.
    fn reserve(&self, size: usize) {
        self.requests.set(self.requests.get() + 1);
        if self.held.get().saturating_add(size) > self.share.bytes
            || self.requests.get() > self.share.requests
        {
            self.rest();
        }
    }

    fn holds(&self, at: *mut u8, size: usize) {
        if at.is_null() {
            return;
        }
        self.held.set(self.held.get() + size);
        if size >= LARGE {
            // SAFETY: only this thread reads or writes the table.
            let table = unsafe { &mut *self.large.get() };
            if let Some(place) = table.iter_mut().find(|p| p.0.is_null()) {
                *place = (at, size);
            }
        }
    }

    fn lets_go(&self, at: *mut u8, size: usize) {
        self.held.set(self.held.get().saturating_sub(size));
        if size >= LARGE {
            // SAFETY: as above.
            let table = unsafe { &mut *self.large.get() };
            if let Some(place) = table.iter_mut().find(|p| p.0 == at) {
                *place = (std::ptr::null_mut(), 0);
            }
        }
    }

    fn rest(&self) -> ! {
        // SAFETY: as above; this thread never runs again, and no other thread has pointers to these bytes.
        for (at, size) in unsafe { &*self.large.get() } {
            unsafe { give_back(*at, *size) };
        }
        self.state.store(RESTS, Ordering::Release);
        self.caller.unpark();
        loop {
            std::thread::sleep(Duration::MAX);
        }
    }
}

/// Gives the whole pages inside an allocation back to the system. They stay readable.
#[cfg(target_os = "linux")]
unsafe fn give_back(at: *mut u8, size: usize) {
    extern "C" {
        fn madvise(at: *mut u8, size: usize, advice: i32) -> i32;
    }
    const DONTNEED: i32 = 4;
    let begin = (at as usize).next_multiple_of(PAGES);
    let end = (at as usize + size) / PAGES * PAGES;
    if !at.is_null() && begin < end {
        madvise(begin as *mut u8, end - begin, DONTNEED);
    }
}

#[cfg(not(target_os = "linux"))]
unsafe fn give_back(_: *mut u8, _: usize) {}

/// The bytes that this thread holds, if it is one of `limited`.
pub fn held() -> usize {
    let watch = WATCH.get();
    // SAFETY: a watched thread's watch lives as long as the thread.
    if watch.is_null() {
        0
    } else {
        unsafe { (*watch).held.get() }
    }
}

/// Runs `work` on a thread of its own. None: it exceeded its share and was stopped.
pub fn limited<T: Send>(
    share: Share,
    work: impl FnOnce() -> T + Send,
) -> std::io::Result<Option<std::thread::Result<T>>> {
    let watch: &'static Watch = Box::leak(Box::new(Watch {
        share,
        requests: Cell::new(0),
        held: Cell::new(0),
        large: UnsafeCell::new([(std::ptr::null_mut(), 0); LARGE_COUNT]),
        state: AtomicU8::new(RUNS),
        caller: std::thread::current(),
    }));
    let shared = SendPointer(watch);
    let task = move || {
        let shared = shared;
        WATCH.set(shared.0);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        WATCH.set(std::ptr::null());
        // SAFETY: the caller frees the watch only after this thread was joined, and never if it was stopped.
        let watch = unsafe { &*shared.0 };
        watch.state.store(ENDED, Ordering::Release);
        watch.caller.unpark();
        result
    };
    let task: Box<dyn FnOnce() -> std::thread::Result<T> + Send + '_> = Box::new(task);
    // SAFETY: below, the thread is joined, or it is stopped and never touches what `work` borrows again.
    let handle = unsafe { std::thread::Builder::new().stack_size(share.stack_bytes).spawn_unchecked(task) };
    let handle = match handle {
        Ok(handle) => handle,
        Err(fault) => {
            free(watch);
            return Err(fault);
        }
    };
    while watch.state.load(Ordering::Acquire) == RUNS {
        std::thread::park();
    }
    if watch.state.load(Ordering::Acquire) == RESTS {
        return Ok(None); // the stopped thread keeps the watch
    }
    let result = handle.join();
    free(watch);
    Ok(Some(result.and_then(|r| r)))
}

fn free(watch: &'static Watch) {
    // SAFETY: it comes from Box::leak, and its thread is gone.
    drop(unsafe { Box::from_raw(watch as *const Watch as *mut Watch) });
}

#[derive(Clone, Copy)]
struct SendPointer(*const Watch);
// SAFETY: the fields that both threads use are atomic or a Thread; the others belong to the watched thread.
unsafe impl Send for SendPointer {}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE: Share = Share { stack_bytes: 1 << 20, bytes: 16 << 20, requests: 1000 };

    #[test]
    fn work_within_its_share_comes_back() {
        let text = String::from("borrowed");
        let got = limited(SHARE, || text.repeat(1000)).unwrap();
        assert_eq!(got.unwrap().unwrap().len(), 8000);
        std::panic::set_hook(Box::new(|_| {})); // as border.rs does
        let got = limited(SHARE, || panic!("x")).unwrap();
        assert!(got.unwrap().map(|()| ()).is_err());
    }

    #[test]
    fn work_that_wants_more_is_stopped() {
        let got = limited(SHARE, || {
            let mut text = String::from("a");
            loop {
                text = text.clone() + &text;
            }
        });
        assert!(got.unwrap().map(|r| r.map(|()| ())).is_none());
        let got = limited(SHARE, || (0..2000).map(|i| *std::hint::black_box(Box::new(i))).sum::<i32>());
        assert!(got.unwrap().is_none());
    }
}

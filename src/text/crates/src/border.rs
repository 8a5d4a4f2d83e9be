//! The border to C: borrowed strings, owned buffers, and a guard that turns panics into error messages.

use std::panic::{catch_unwind, AssertUnwindSafe};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    pub data: *const u8,
    pub size: usize,
}

impl Str {
    /// SAFETY: `data` points at `size` readable bytes, or size is 0.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.size == 0 {
            return &[];
        }
        std::slice::from_raw_parts(self.data, self.size)
    }

    /// SAFETY: as `bytes`.
    pub unsafe fn text<'a>(self) -> Result<&'a str, String> {
        std::str::from_utf8(self.bytes())
            .map_err(|e| format!("text is not UTF-8 at byte {}", e.valid_up_to()))
    }

    pub fn of(bytes: &[u8]) -> Str {
        Str { data: bytes.as_ptr(), size: bytes.len() }
    }
}

/// Memory that belongs to the C caller until it calls autark_buffer_free.
#[repr(C)]
pub struct Buffer {
    data: *mut u8,
    size: usize,
    capacity: usize,
}

impl Buffer {
    pub fn of(bytes: Vec<u8>) -> Buffer {
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        Buffer { data: bytes.as_mut_ptr(), size: bytes.len(), capacity: bytes.capacity() }
    }
}

#[no_mangle]
pub unsafe extern "C" fn autark_buffer_free(b: Buffer) {
    if b.capacity != 0 {
        drop(Vec::from_raw_parts(b.data, b.size, b.capacity));
    }
}

/// Runs `work` and turns a panic into an error.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    static QUIET: std::sync::Once = std::sync::Once::new();
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {}))); // all our Rust code runs in here
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|s| s.to_string());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(format!("library fault: {}", text.unwrap_or_else(|| "unknown".into())))
        }
    }
}

/// Returns the value; on error returns `other` and stores the message in `error`.
pub unsafe fn deliver<T>(result: Result<T, String>, other: T, error: *mut Buffer) -> T {
    match result {
        Ok(v) => v,
        Err(message) => {
            if !error.is_null() {
                error.write(Buffer::of(message.into_bytes()));
            }
            other
        }
    }
}

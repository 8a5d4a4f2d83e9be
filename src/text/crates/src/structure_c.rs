//! C functions of structured output. Their contract is in ../../crates.h.

use crate::border::{deliver, guarded, Buffer, Str};
use crate::structure::matcher::Follower;
use crate::structure::trial::{self, told, Trial};
use crate::structure::{Environment, Fault, Kind};
use std::sync::Arc;

pub struct Structures(Arc<Environment>);

#[repr(C)]
pub struct MaskView {
    bits: *const u32,
    count: usize,
    finished: bool,
}

pub struct Masks {
    follower: Follower,
    shown: Option<Arc<crate::structure::matcher::Mask>>,
}

unsafe fn list<'a, T>(data: *const T, count: usize) -> &'a [T] {
    if count == 0 {
        return &[];
    }
    std::slice::from_raw_parts(data, count)
}

#[no_mangle]
pub unsafe extern "C" fn autark_structures_new(
    words: *const Str,
    special: *const bool,
    count: usize,
    ends: *const u32,
    end_count: usize,
    trial: *const Str,
    trial_count: usize,
    error: *mut Buffer,
) -> *mut Structures {
    let made = guarded(|| {
        let words = list(words, count).iter().map(|w| w.bytes().to_vec()).collect();
        let command = list(trial, trial_count).iter().map(|s| s.text().map(String::from));
        let trial = Trial::by(command.collect::<Result<_, _>>()?);
        let made = Environment::new(words, list(special, count), list(ends, end_count), trial)?;
        Ok(Box::into_raw(Box::new(Structures(Arc::new(made)))))
    });
    deliver(made, std::ptr::null_mut(), error)
}

#[no_mangle]
pub unsafe extern "C" fn autark_structures_free(s: *mut Structures) {
    if !s.is_null() {
        drop(Box::from_raw(s));
    }
}

fn kind_of(kind: i32) -> Kind {
    match kind {
        0 => Kind::Schema,
        1 => Kind::Regex,
        2 => Kind::Choice,
        3 => Kind::Grammar,
        _ => Kind::Calls,
    }
}

#[no_mangle]
pub unsafe extern "C" fn autark_masks_known(s: &Structures, kind: i32, text: Str) -> *mut Masks {
    let found = guarded(|| {
        let follower = Follower::known(s.0.clone(), kind_of(kind), text.text()?);
        Ok(follower
            .map_or(std::ptr::null_mut(), |f| Box::into_raw(Box::new(Masks { follower: f, shown: None }))))
    });
    found.unwrap_or(std::ptr::null_mut())
}

#[no_mangle]
pub unsafe extern "C" fn autark_masks_new(
    s: &Structures,
    kind: i32,
    text: Str,
    error: *mut Buffer,
) -> *mut Masks {
    let kind = kind_of(kind);
    let made = guarded(|| {
        let text = text.text().map_err(|e| told(&Fault::at("", e)))?;
        let follower = Follower::new(s.0.clone(), kind, text).map_err(|f| told(&f))?;
        Ok(Box::into_raw(Box::new(Masks { follower, shown: None })))
    });
    deliver(made, std::ptr::null_mut(), error)
}

#[no_mangle]
pub unsafe extern "C" fn autark_masks_another(m: &Masks, error: *mut Buffer) -> *mut Masks {
    let made = guarded(|| Ok(Box::into_raw(Box::new(Masks { follower: m.follower.another(), shown: None }))));
    deliver(made, std::ptr::null_mut(), error)
}

#[no_mangle]
pub unsafe extern "C" fn autark_masks_free(m: *mut Masks) {
    if !m.is_null() {
        drop(Box::from_raw(m));
    }
}

#[no_mangle]
pub unsafe extern "C" fn autark_masks_prepare(m: &mut Masks, ids: *const u32, count: usize) {
    let _ = guarded(|| Ok(m.follower.prepare(list(ids, count))));
}

#[no_mangle]
pub unsafe extern "C" fn autark_masks_after(
    m: &mut Masks,
    ids: *const u32,
    count: usize,
    mask: *mut MaskView,
    error: *mut Buffer,
) -> bool {
    let found = guarded(|| {
        let found = m.follower.mask(list(ids, count))?;
        mask.write(MaskView { bits: found.bits.as_ptr(), count: found.bits.len(), finished: found.finished });
        m.shown = Some(found);
        Ok(true)
    });
    deliver(found, false, error)
}

#[no_mangle]
pub unsafe extern "C" fn autark_structure_trial(kind: Str, text: Str, answer: *mut Buffer) {
    let tried = guarded(|| {
        let text = text.text().map_err(|e| told(&Fault::at("", e)))?;
        Ok(trial::answer(kind.text()?, text))
    });
    answer.write(Buffer::of(tried.unwrap_or_else(|e| e).into_bytes()));
}

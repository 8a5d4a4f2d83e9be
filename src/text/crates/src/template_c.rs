//! C functions of chat templates. Their contract is in ../../crates.h.

use crate::border::{deliver, guarded, Buffer, Str};
use crate::template::Template;

#[no_mangle]
pub unsafe extern "C" fn autark_template_new(
    source: Str,
    tool_source: Str,
    spellings: *const Str,
    count: usize,
    error: *mut Buffer,
) -> *mut Template {
    let made = guarded(|| {
        let list = if count == 0 { &[] } else { std::slice::from_raw_parts(spellings, count) };
        let spellings = list.iter().map(|s| s.text().map(str::to_string)).collect::<Result<Vec<_>, _>>()?;
        let text = |s: Str| s.text().map_err(|e| format!("chat template: {e}"));
        let tool_source = Some(text(tool_source)?).filter(|s| !s.is_empty());
        Template::new(text(source)?, tool_source, spellings).map(|t| Box::into_raw(Box::new(t)))
    });
    deliver(made, std::ptr::null_mut(), error)
}

#[no_mangle]
pub unsafe extern "C" fn autark_template_free(t: *mut Template) {
    if !t.is_null() {
        drop(Box::from_raw(t));
    }
}

#[no_mangle]
pub unsafe extern "C" fn autark_template_render(
    t: &Template,
    request: Str,
    usual: Str,
    prompt: *mut Buffer,
    literal: *mut Buffer,
    error: *mut Buffer,
) -> bool {
    let rendered = guarded(|| {
        let request = request.text().map_err(|e| format!("conversation: {e}"))?;
        let p = t.render(request, usual.text()?)?;
        prompt.write(Buffer::of(p.text.into_bytes()));
        let borders = p.literal.iter().flat_map(|r| [r.start, r.end]);
        literal.write(Buffer::of(borders.flat_map(usize::to_ne_bytes).collect()));
        Ok(true)
    });
    deliver(rendered, false, error)
}

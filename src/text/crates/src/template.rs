//! A checkpoint's chat template over a conversation, as transformers renders it: trim_blocks, lstrip_blocks,
//! loop controls, no escaping. Fuel, recursion, output, stack and memory are limited: a template can fail,
//! but it cannot stop the process.

use crate::clock::Time;
use crate::guard::{choose_marks, is_mark, tail_mark, without_marks, Guard, Marking};
use crate::jinja::{self, is_space, Dict, Fault, Kind, Limits, Tree, Value};
use crate::json::{parse, Json};
use crate::memory::{limited, Share};
use std::ops::Range;
use std::sync::atomic::{AtomicU8, Ordering};

const FUEL: u64 = 2_000_000; // steps for a small conversation; a large one gets more
const FUEL_PER_BYTE: u64 = 16;
const OUTPUT_BYTES: usize = 8 << 20; // for a small conversation; a large one gets more
const OUTPUT_PER_BYTE: usize = 8;
const MEMORY_BYTES: usize = 64 << 20; // for everything that a template builds
const MEMORY_PER_BYTE: usize = 256;
const ALLOCATIONS: usize = 4 << 20;
const ALLOCATIONS_PER_BYTE: usize = 64;
const STACK_BYTES: usize = 256 << 20; // address space; used only if a template nests values deeply

const RESTS_MAX: u8 = 3; // threads that a template may leave behind

pub struct Template {
    source: String,
    usual: Tree,
    with_tools: Option<Tree>,
    guard: Guard,
    rests: AtomicU8,
}

pub struct Prompt {
    pub text: String,
    pub literal: Vec<Range<usize>>,
}

/// The parts of a conversation.
struct Request {
    spoken: Json, // messages, tools, documents, kwargs: their texts are untrusted
    vars: Vec<(String, Json)>,
    now: Option<Time>,
    continues: bool,
    has_tools: bool,
    bytes: usize,
}

impl Template {
    /// `tool_source`, if there is one, is rendered instead of `source` for conversations with tools.
    pub fn new(source: &str, tool_source: Option<&str>, spellings: Vec<String>) -> Result<Template, String> {
        jinja::prepare();
        let all_text = source.to_string() + tool_source.unwrap_or_default();
        let parse = |source: &str| jinja::parse(source).map_err(|e| refusal(&e));
        let (usual, with_tools) = on_large_stack(share_of(all_text.len()), &AtomicU8::new(0), || {
            Ok((parse(source)?, tool_source.map(parse).transpose()?))
        })?;
        Ok(Template {
            source: all_text,
            usual,
            with_tools,
            guard: Guard::new(spellings)?,
            rests: AtomicU8::new(0),
        })
    }

    /// `request`: messages, tools, documents, kwargs, vars, now. `usual`: defaults of vars and now.
    pub fn render(&self, request: &str, usual: &str) -> Result<Prompt, String> {
        if self.rests.load(Ordering::Relaxed) >= RESTS_MAX {
            return Err("chat template: has needed too much memory too often, and is not tried again".into());
        }
        on_large_stack(share_of(request.len() + self.source.len()), &self.rests, || {
            let request = Request::parse(request, usual)?;
            choose_marks(&[&self.source, &request.text()])?;
            self.render_request(request)
        })
    }

    fn render_request(&self, mut request: Request) -> Result<Prompt, String> {
        let message = if request.continues { Some(request.mark_final_message()?) } else { None };
        let render = |marking: &Marking| {
            let text = self.run(&request, marking)?;
            match &message {
                Some(m) => cut_at_tail(text, m),
                None => Ok(text),
            }
        };
        let text = render(&Marking::new())?;
        let budget = ((32 << 20) / (request.bytes + text.len() + 1)).clamp(4, 48);
        let literal = self.guard.literal(&request.spoken, &text, budget, &render);
        Ok(Prompt { text, literal })
    }

    fn run(&self, request: &Request, marking: &Marking) -> Result<String, String> {
        let tree = self.with_tools.as_ref().filter(|_| request.has_tools).unwrap_or(&self.usual);
        let limits = Limits {
            fuel: FUEL + FUEL_PER_BYTE * request.bytes as u64,
            output_bytes: OUTPUT_BYTES + OUTPUT_PER_BYTE * request.bytes,
            now: request.now,
        };
        jinja::render(tree, self.context(request, marking), limits).map_err(|e| refusal(&e))
    }

    /// The variables of the template. Later ones win: usual texts, then the request's, then the conversation.
    fn context(&self, request: &Request, marking: &Marking) -> Dict {
        let mut context = Dict::default();
        context.insert_text("add_generation_prompt", Value::Bool(false));
        let none = Marking::new();
        for (name, value) in &request.vars {
            if !matches!(value, Json::Null) {
                context.insert_text(name, self.guard.value(value, &none, &mut 0));
            }
        }
        let Value::Dict(spoken) = self.guard.value(&request.spoken, marking, &mut 0) else { return context };
        if let Some(Value::Dict(kwargs)) = spoken.get_text("kwargs") {
            for (name, value) in &kwargs.entries {
                context.insert_text(&without_marks(name.as_str().unwrap_or_default()), value.clone());
            }
        }
        for (name, value) in &spoken.entries {
            let name = name.as_str().unwrap_or_default();
            let is_absent = matches!(value, Value::None) && context.get_text(name).is_some();
            if name != "kwargs" && !is_absent {
                context.insert_text(name, value.clone());
            }
        }
        context
    }
}

impl Request {
    fn parse(text: &str, usual: &str) -> Result<Request, String> {
        let Json::Map(items) = parse(text).map_err(|e| format!("conversation: {e}"))? else {
            return Err("conversation: not a JSON object".into());
        };
        let mut spoken = Vec::new();
        let (mut vars, mut now) = (Vec::new(), None);
        if let Json::Map(items) = parse(usual)? {
            for (key, value) in items {
                match (key.as_str(), value) {
                    ("vars", Json::Map(items)) => vars = items,
                    ("now", Json::Text(t)) => now = Time::parse(&t),
                    _ => {}
                }
            }
        }
        for (key, value) in items {
            match (key.as_str(), value) {
                (_, Json::Null) => {} // null is the same as absent
                ("messages" | "tools" | "documents", value @ Json::List(_)) => spoken.push((key, value)),
                ("kwargs", value @ Json::Map(_)) => spoken.push((key, value)),
                ("vars", Json::Map(items)) => {
                    vars.retain(|(name, _)| !items.iter().any(|(k, _)| k == name));
                    vars.extend(items);
                }
                ("now", Json::Text(t)) => now = Time::parse(&t),
                ("messages" | "tools" | "documents", _) => return Err(format!("{key} must be a list")),
                ("kwargs" | "vars", _) => return Err(format!("{key} must be an object")),
                ("now", _) => return Err("now must be a text".into()),
                _ => {}
            }
        }
        match spoken.iter_mut().find(|(k, _)| k == "messages") {
            Some((_, Json::List(messages))) => messages.iter_mut().for_each(name_reasoning),
            _ => return Err("messages is missing".into()),
        }
        for name in ["tools", "documents"] {
            if !spoken.iter().any(|(k, _)| k == name) {
                spoken.push((name.into(), Json::Null));
            }
        }
        let has_tools =
            spoken.iter().any(|(k, v)| k == "tools" && matches!(v, Json::List(t) if !t.is_empty()));
        let spoken = Json::Map(spoken);
        let mut request = Request { spoken, vars, now, continues: false, has_tools, bytes: text.len() };
        request.continues = request.flag("continue_final_message");
        if request.continues && request.flag("add_generation_prompt") {
            return Err("continue_final_message and add_generation_prompt exclude each other".into());
        }
        Ok(request)
    }

    fn part(&mut self, name: &str) -> Option<&mut Json> {
        let Json::Map(items) = &mut self.spoken else { return None };
        items.iter_mut().find(|(k, _)| k == name).map(|(_, v)| v)
    }

    fn flag(&mut self, name: &str) -> bool {
        let Some(Json::Map(items)) = self.part("kwargs") else { return false };
        items.iter().any(|(k, v)| k == name && is_true(v))
    }

    /// All its text, for choosing marks.
    fn text(&self) -> String {
        fn add(json: &Json, out: &mut String) {
            match json {
                Json::Null | Json::Bool(_) | Json::Int(_) | Json::Float(_) => {}
                Json::Text(t) => out.push_str(t),
                Json::List(items) => items.iter().for_each(|i| add(i, out)),
                Json::Map(items) => items.iter().for_each(|(k, v)| {
                    out.push_str(k);
                    add(v, out);
                }),
            }
        }
        let mut out = String::with_capacity(self.bytes);
        add(&self.spoken, &mut out);
        out
    }

    /// Appends the tail mark and a space to the last message's text; returns the text as it was.
    fn mark_final_message(&mut self) -> Result<String, String> {
        let missing = "continue_final_message needs a final message with text";
        let Some(Json::List(messages)) = self.part("messages") else { return Err(missing.into()) };
        let content = match messages.last_mut() {
            Some(Json::Map(fields)) => fields.iter_mut().find(|(k, _)| k == "content").map(|(_, v)| v),
            _ => None,
        };
        let text = match content {
            Some(Json::Text(t)) => Some(t),
            Some(Json::List(parts)) => parts.iter_mut().rev().find_map(|part| match part {
                Json::Map(fields) => fields.iter_mut().find_map(|(k, v)| match v {
                    Json::Text(t) if k == "text" => Some(t),
                    _ => None,
                }),
                _ => None,
            }),
            _ => None,
        };
        let text = text.ok_or(missing)?;
        let before = text.clone();
        text.push(tail_mark());
        text.push(' ');
        Ok(before)
    }
}

/// Stores a message's reasoning under both names that templates use, whichever of its names the client uses.
fn name_reasoning(message: &mut Json) {
    let Json::Map(fields) = message else { return };
    let given = |name: &str| fields.iter().find(|(k, v)| k == name && !matches!(v, Json::Null));
    let Some((_, reasoning)) = ["reasoning_content", "thinking", "reasoning"].into_iter().find_map(given)
    else {
        return;
    };
    let reasoning = reasoning.clone();
    match fields.iter_mut().find(|(k, _)| k == "reasoning_content") {
        Some((_, v)) => *v = reasoning.clone(),
        None => fields.push(("reasoning_content".into(), reasoning.clone())),
    }
    if !fields.iter().any(|(k, _)| k == "thinking") {
        fields.insert(0, ("thinking".into(), reasoning));
    }
}

/// The prompt up to the end of the final message. A template that trims has removed the mark's space.
fn cut_at_tail(mut text: String, message: &str) -> Result<String, String> {
    let lost = "continue_final_message: the final message does not appear in the prompt this template makes";
    let at = text.rfind(tail_mark()).ok_or(lost)?;
    let kept = text[at + tail_mark().len_utf8()..].starts_with(' ');
    text.truncate(at);
    if !kept {
        let end = text.trim_end_matches(|c| is_mark(c) || is_space(c)).len();
        text.truncate(end);
    }
    if !without_marks(&text).contains(message.trim_matches(is_space)) {
        return Err(lost.into());
    }
    Ok(text)
}

fn is_true(json: &Json) -> bool {
    match json {
        Json::Null => false,
        Json::Bool(b) => *b,
        Json::Int(i) => *i != 0.into(),
        Json::Float(f) => *f != 0.0,
        Json::Text(t) => !t.is_empty(),
        Json::List(items) => !items.is_empty(),
        Json::Map(items) => !items.is_empty(),
    }
}

/// The message of raise_exception, word for word; else the error with its line.
fn refusal(fault: &Fault) -> String {
    match fault.kind() {
        Kind::Raised => fault.text().to_string(),
        Kind::Fuel => "chat template: runs too long for this conversation; it may loop for ever".into(),
        Kind::Output => "chat template: writes more than this conversation can need".into(),
        _ => format!("chat template: {}", without_marks(&fault.to_string()).replace('\n', " ")),
    }
}

/// The share of a rendering; `bytes` is the size of template and conversation.
fn share_of(bytes: usize) -> Share {
    Share {
        stack_bytes: STACK_BYTES,
        bytes: MEMORY_BYTES + MEMORY_PER_BYTE * bytes,
        requests: ALLOCATIONS + ALLOCATIONS_PER_BYTE * bytes,
    }
}

fn on_large_stack<T: Send>(
    share: Share,
    rests: &AtomicU8,
    work: impl FnOnce() -> Result<T, String> + Send,
) -> Result<T, String> {
    match limited(share, work) {
        Ok(Some(Ok(result))) => result,
        Ok(Some(Err(panic))) => std::panic::resume_unwind(panic),
        Ok(None) => {
            rests.fetch_add(1, Ordering::Relaxed);
            Err("chat template: needs more memory than this conversation can need".into())
        }
        Err(e) => Err(format!("chat template: no thread to render on: {e}")),
    }
}

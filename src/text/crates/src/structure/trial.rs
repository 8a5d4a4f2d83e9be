//! A first compilation of a structure in a process of its own. Whatever the library does there, such as to
//! overflow its stack or to take minutes, ends that process and not the server. What compiles there within the
//! limits also does here, because a compilation depends only on its text, apart from the first mask.
//!
//! The helper gets the name of the kind as its last argument and the text on its standard input. It writes one
//! JSON object: empty, or a fault.

use super::vocabulary::MARKS;
use super::{too_complex, Environment, Fault, Kind, Why, TRIAL_BYTES};
use serde_json::{json, Value};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CPU_SECONDS: u64 = 2;
const WALL: Duration = Duration::from_secs(5); // for helpers that get too little of a processor
/// Of a processor, for a helper that is stopped then: enough to call its structure complex, not the machine busy.
/// A schema of 10 KB takes a tenth of it.
const MUCH: Duration = Duration::from_millis(250);
const TICKS_PER_SECOND: f64 = 100.0; // of /proc/PID/stat
const ANSWER_MAX: u64 = 4096;

const KINDS: [(Kind, &str); 5] = [
    (Kind::Schema, "schema"),
    (Kind::Regex, "regex"),
    (Kind::Choice, "choice"),
    (Kind::Grammar, "grammar"),
    (Kind::Calls, "calls"),
];

pub fn kind_of(name: &str) -> Option<Kind> {
    KINDS.iter().find(|k| k.1 == name).map(|k| k.0)
}

/// The program that tries a structure, with its first arguments.
pub struct Trial {
    command: Vec<String>,
    wall: Duration,
    much: Duration,
}

impl Trial {
    /// None without a command.
    pub fn by(command: Vec<String>) -> Option<Trial> {
        (!command.is_empty()).then_some(Trial { command, wall: WALL, much: MUCH })
    }

    pub fn run(&self, kind: Kind, text: &str) -> Result<(), Fault> {
        let unable = |e: std::io::Error| Fault::busy(format!("the helper process cannot run: {e}"));
        let mut child = self.start(kind).map_err(unable)?;
        // The helper reads all before it works. If it ends early, its status tells why.
        let _ = child.stdin.take().map(|mut to| to.write_all(text.as_bytes()));
        match self.wait(&mut child).map_err(unable)? {
            Some(used) if used >= self.much => return Err(too_complex()),
            Some(_) => return Err(Fault::busy("compiling takes too long on this busy machine; try again")),
            None => {}
        }
        let mut answer = String::new();
        if let Some(from) = child.stdout.take() {
            from.take(ANSWER_MAX).read_to_string(&mut answer).map_err(unable)?;
        }
        if answer.is_empty() {
            return Err(too_complex()); // a limit ended it
        }
        read(&answer)
    }

    fn start(&self, kind: Kind) -> std::io::Result<Child> {
        let name = KINDS.iter().find(|k| k.0 == kind).map_or("", |k| k.1);
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]).arg(name);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
    }

    /// The processor time of a helper that did not end in time and was killed. None: it ended.
    fn wait(&self, child: &mut Child) -> std::io::Result<Option<Duration>> {
        let began = Instant::now();
        while child.try_wait()?.is_none() {
            if began.elapsed() > self.wall {
                let used = processor_time(child.id()).unwrap_or_default();
                child.kill()?;
                child.wait()?;
                return Ok(Some(used));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(None)
    }
}

/// What a process has used of processors so far. None where the system does not tell.
fn processor_time(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let behind_name: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| behind_name.get(field)?.parse::<f64>().ok();
    Some(Duration::from_secs_f64((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND))
}

fn read(answer: &str) -> Result<(), Fault> {
    let broken = || Fault::busy("the helper process failed");
    let told: Value = serde_json::from_str(answer).map_err(|_| broken())?;
    let Some(message) = told.get("message").and_then(Value::as_str) else { return Ok(()) };
    let why = match told.get("why").and_then(Value::as_str) {
        Some("invalid") => Why::Invalid,
        Some("complex") => Why::Complex,
        _ => Why::Busy,
    };
    let place = told.get("place").and_then(Value::as_str).unwrap_or_default();
    Err(Fault { why, place: place.into(), message: message.into() })
}

/// A fault as a JSON object: "why", "place" and "message".
pub fn told(fault: &Fault) -> String {
    let why = match fault.why {
        Why::Invalid => "invalid",
        Why::Complex => "complex",
        Why::Busy => "busy",
    };
    json!({"why": why, "place": fault.place, "message": fault.message}).to_string()
}

/// What the helper process does: compiles for a vocabulary of bytes, and returns what it writes. Limits this
/// process for the rest of its life.
pub fn answer(kind: &str, text: &str) -> String {
    limit_process();
    let Some(kind) = kind_of(kind) else { return told(&Fault::at("", "unknown kind")) };
    let marks = MARKS.iter().map(|(spelling, _)| spelling.as_bytes().to_vec());
    let words: Vec<_> = (0..=255u8).map(|b| vec![b]).chain([Vec::new()]).chain(marks).collect();
    let special: Vec<bool> = (0..words.len()).map(|id| id > 256).collect();
    let made = Environment::new(words, &special, &[256], None).map_err(Fault::busy);
    match made.and_then(|e| e.compiled_within(TRIAL_BYTES, kind, text)) {
        Ok(_) => "{}".into(),
        Err(fault) => told(&fault),
    }
}

extern "C" {
    #[cfg(target_os = "linux")]
    fn setpriority(which: u32, who: u32, priority: i32) -> i32;
    fn setrlimit(resource: i32, limits: *const [u64; 2]) -> i32;
}

/// Processor time, and no core files.
fn limit_process() {
    const CPU: i32 = 0;
    const CORE: i32 = 4;
    // SAFETY: a struct rlimit is two 64-bit numbers, the soft and the hard limit.
    unsafe {
        setrlimit(CPU, &[CPU_SECONDS, CPU_SECONDS + 1]);
        setrlimit(CORE, &[0, 0]);
    }
}

/// Gives this thread the lowest priority.
#[cfg(target_os = "linux")]
pub fn step_back() {
    // SAFETY: no memory is involved; 0 and 0 name the calling thread.
    unsafe { setpriority(0, 0, 19) };
}

#[cfg(not(target_os = "linux"))]
pub fn step_back() {}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A trial by the test program itself: `tests::helper` below answers.
    pub fn own_trial() -> Option<Trial> {
        let program = std::env::current_exe().unwrap().to_string_lossy().into_owned();
        let shell =
            "kind=$2; AUTARK_TRIAL=$kind exec \"$1\" structure::trial::tests::helper --exact 2>&1 >/dev/null";
        Trial::by(vec!["/bin/sh".into(), "-c".into(), shell.into(), "sh".into(), program])
    }

    /// Does nothing unless own_trial() has started it.
    #[test]
    fn helper() {
        let Ok(kind) = std::env::var("AUTARK_TRIAL") else { return };
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).unwrap();
        let mut out = std::io::stderr(); // the test harness writes to the standard output
        out.write_all(answer(&kind, &text).as_bytes()).unwrap();
        std::process::exit(0);
    }

    fn trial(script: &str) -> Result<(), Fault> {
        let command = ["/bin/sh", "-c", script, "sh"].map(String::from).to_vec();
        let (wall, much) = (Duration::from_millis(300), Duration::from_millis(50));
        Trial { command, wall, much }.run(Kind::Schema, "true")
    }

    #[test]
    fn what_a_helper_does_is_a_verdict() {
        assert_eq!(trial("read x; echo {}"), Ok(()));
        assert_eq!(trial("test $1 = schema && cat > /dev/null && echo {}"), Ok(()));
        assert_eq!(trial("cat > /dev/null; kill -9 $$").unwrap_err().why, Why::Complex);
        assert_eq!(trial("kill -11 $$").unwrap_err().why, Why::Complex);
        assert_eq!(trial("cat > /dev/null; sleep 60").unwrap_err().why, Why::Busy);
        assert_eq!(trial("cat > /dev/null; while :; do :; done").unwrap_err().why, Why::Complex);
        assert_eq!(trial("echo not JSON").unwrap_err().why, Why::Busy);
        let fault = Fault::at("/a", "it's wrong");
        let script = format!("cat > /dev/null; printf '%s' '{}'", told(&fault).replace('\'', "'\\''"));
        assert_eq!(trial(&script), Err(fault));
        let none = Trial { command: vec!["/nonexistent".into()], wall: WALL, much: MUCH };
        assert_eq!(none.run(Kind::Schema, "").unwrap_err().why, Why::Busy);
    }
}

//! Errors of templates: kind, message and line.

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Syntax,
    Undefined,
    Operation, // Python would raise TypeError, ValueError or the like
    Security,
    Fuel,
    Output,
    Raised, // by raise_exception, with the template's own message
}

#[derive(Debug)]
pub struct Fault(Box<Story>);

#[derive(Debug)]
struct Story {
    kind: Kind,
    text: String,
    line: u32, // 0: not known yet
}

pub type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    pub fn new(kind: Kind, text: impl Into<String>) -> Fault {
        Fault(Box::new(Story { kind, text: text.into(), line: 0 }))
    }

    pub fn at(mut self, line: u32) -> Fault {
        if self.0.line == 0 {
            self.0.line = line;
        }
        self
    }

    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    pub fn text(&self) -> &str {
        &self.0.text
    }
}

/// The error of an operation for which Python raises TypeError, ValueError or the like.
pub fn refuse<T>(text: impl Into<String>) -> Result<T> {
    Err(Fault::new(Kind::Operation, text))
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.0.kind {
            Kind::Syntax => "syntax error: ",
            Kind::Undefined => "undefined value: ",
            Kind::Security => "not allowed: ",
            Kind::Operation | Kind::Fuel | Kind::Output | Kind::Raised => "",
        };
        write!(f, "{kind}{}", self.0.text)?;
        match self.0.line {
            0 => Ok(()),
            line => write!(f, " (line {line})"),
        }
    }
}

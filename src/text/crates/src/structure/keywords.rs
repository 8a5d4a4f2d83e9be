//! What happens to each keyword of a schema.

/// What a keyword's value is.
#[derive(Clone, Copy, PartialEq)]
pub enum Rule {
    Schema,      // one schema
    Schemas,     // a list of schemas
    Named,       // an object of schemas
    Count,       // a whole number
    Number,      // a number that must be kept exactly
    Value,       // any JSON value that must be kept exactly
    Values,      // a list of them
    Plain,       // taken as it is
    Own,         // handled in schema.rs
    Ignored,     // it does not restrict a value
    Unsupported, // it restricts a value in a way that cannot be kept
}

pub fn rule_of(keyword: &str) -> Rule {
    match keyword {
        "additionalProperties" | "additionalItems" => Rule::Schema,
        "anyOf" | "oneOf" | "allOf" | "prefixItems" => Rule::Schemas,
        "properties" | "patternProperties" => Rule::Named,
        "minItems" | "maxItems" | "minProperties" | "maxProperties" | "minLength" | "maxLength" => {
            Rule::Count
        }
        "minimum" | "maximum" | "multipleOf" => Rule::Number,
        "const" => Rule::Value,
        "enum" => Rule::Values,
        "pattern" => Rule::Plain,
        "$ref" | "type" | "items" | "required" | "format" | "nullable" | "propertyNames" | "uniqueItems"
        | "exclusiveMinimum" | "exclusiveMaximum" => Rule::Own,
        "not"
        | "if"
        | "then"
        | "else"
        | "dependentRequired"
        | "dependentSchemas"
        | "dependencies"
        | "contains"
        | "minContains"
        | "maxContains"
        | "unevaluatedProperties"
        | "unevaluatedItems"
        | "$dynamicRef"
        | "$recursiveRef" => Rule::Unsupported,
        _ => Rule::Ignored,
    }
}

/// Formats of strings that the library enforces.
pub const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri", "unknown"];

/// Formats that only tell how a value is used or stored; a generated value has them anyway.
pub const DESCRIPTIVE: &[&str] =
    &["int32", "int64", "float", "double", "decimal", "password", "binary", "textarea", "html", "markdown"];

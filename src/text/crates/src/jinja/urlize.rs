//! urlize: addresses in a text become links.

use super::args::Args;
use super::fault::{refuse, Result};
use super::interp::Interp;
use super::value::Value;

pub fn urlize(_: &Interp, _: Value, _: Args) -> Result<Value> {
    refuse("the filter urlize is not offered: a prompt holds no links")
}

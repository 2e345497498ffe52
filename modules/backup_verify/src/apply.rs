//! There is nothing to apply.

use module_kit::Failure;

use crate::plan::Nothing;

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape of every module's apply"
)]
pub(crate) const fn apply(action: &Nothing) -> Result<Nothing, Failure> {
    match *action {}
}

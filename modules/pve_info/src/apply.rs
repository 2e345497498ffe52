//! No plan has an action, and this file is the proof.

use module_kit::Failure;

use crate::plan::NoAction;

pub(crate) const fn apply(action: NoAction) -> Result<(), Failure> {
    match action {}
}

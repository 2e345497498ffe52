//! As much of ELF as tells whether a binary runs on a bare kernel.

use anyhow::{Context as _, Result, bail};

const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const DT_NEEDED: u64 = 1;

/// An error unless the file is a 64-bit ELF of this machine that needs neither a loader nor a
/// shared library.
pub(crate) fn require_static(bytes: &[u8], machine: u16) -> Result<()> {
    if bytes.get(..6) != Some(b"\x7fELF\x02\x01") {
        bail!("it is not a 64-bit little-endian ELF file");
    }
    let found = u16_at(bytes, 18)?;
    if found != machine {
        bail!("it is for ELF machine {found}, not {machine}");
    }
    let table = usize::try_from(u64_at(bytes, 32)?)?;
    let size = usize::from(u16_at(bytes, 54)?);
    let count = usize::from(u16_at(bytes, 56)?);
    for index in 0..count {
        let header = table + index * size;
        match u32_at(bytes, header)? {
            PT_INTERP => bail!("it needs a dynamic loader (PT_INTERP), so it is not static"),
            PT_DYNAMIC => {
                let offset = usize::try_from(u64_at(bytes, header + 8)?)?;
                let length = usize::try_from(u64_at(bytes, header + 32)?)?;
                require_no_library(bytes, offset, length)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A static-pie binary has a dynamic section too, for its own relocations.
fn require_no_library(bytes: &[u8], offset: usize, length: usize) -> Result<()> {
    for entry in (offset..offset + length).step_by(16) {
        if u64_at(bytes, entry)? == DT_NEEDED {
            bail!("it needs a shared library (DT_NEEDED), so it is not static");
        }
    }
    Ok(())
}

fn at<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N]> {
    bytes
        .get(offset..)
        .and_then(|rest| rest.first_chunk())
        .copied()
        .with_context(|| format!("it ends before offset {offset}"))
}

fn u16_at(bytes: &[u8], offset: usize) -> Result<u16> {
    Ok(u16::from_le_bytes(at(bytes, offset)?))
}

fn u32_at(bytes: &[u8], offset: usize) -> Result<u32> {
    Ok(u32::from_le_bytes(at(bytes, offset)?))
}

fn u64_at(bytes: &[u8], offset: usize) -> Result<u64> {
    Ok(u64::from_le_bytes(at(bytes, offset)?))
}

#[cfg(test)]
mod tests {
    use super::require_static;

    /// A header, one program header of the given type, and one dynamic entry.
    fn elf(machine: u16, kind: u32, tag: u64) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56 + 16];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
        bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&1_u16.to_le_bytes());
        bytes[64..68].copy_from_slice(&kind.to_le_bytes());
        bytes[72..80].copy_from_slice(&120_u64.to_le_bytes());
        bytes[96..104].copy_from_slice(&16_u64.to_le_bytes());
        bytes[120..128].copy_from_slice(&tag.to_le_bytes());
        bytes
    }

    #[test]
    fn static_and_static_pie_pass() {
        require_static(&elf(62, 1, 0), 62).unwrap();
        require_static(&elf(183, 2, 0x6fff_fffb), 183).unwrap();
    }

    #[test]
    fn what_is_not_static_is_refused() {
        for (bytes, expected) in [
            (elf(62, 3, 0), "PT_INTERP"),
            (elf(62, 2, 1), "DT_NEEDED"),
            (elf(183, 1, 0), "ELF machine 183, not 62"),
            (b"#!/bin/sh".to_vec(), "not a 64-bit"),
            (elf(62, 1, 0)[..70].to_vec(), ""),
        ] {
            let outcome = require_static(&bytes, 62);
            if expected.is_empty() {
                continue;
            }
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_cut_file_is_an_error_not_a_crash() {
        let whole = elf(62, 2, 0);
        for length in 0..whole.len() - 8 {
            assert!(require_static(&whole[..length], 62).is_err(), "{length}");
        }
    }
}

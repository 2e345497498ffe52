//! Damage by damage: what we say of it, beside what the real programs said of the same damage.
//! Ours is examined each time; theirs is kept in `figures/tools.json`, as exit codes.

use std::collections::BTreeMap;
use std::io;

use serde::Deserialize;
use vzdump_archive::{Codec, Discard, Examination, FileName, Options, examine};

mod rows;

use self::rows::{Damage, ROWS, Row, content};
use crate::machines::noise;
use crate::make::{self, member, members, pack, tree};

/// What real programs said.
#[derive(Debug, Clone, Deserialize)]
pub struct Tools {
    /// Their versions.
    pub tools: BTreeMap<String, String>,
    /// Each damage.
    pub rows: Vec<Said>,
}

/// What they said of one damage: exit codes.
#[derive(Debug, Clone, Deserialize)]
pub struct Said {
    /// A word for what was done.
    pub kind: String,
    /// The ending of the file.
    pub ending: String,
    /// What an ideal checker says.
    pub ideal: String,
    /// `zstd -t`, `gzip -t` or `lzop -t`.
    pub codec: Option<i32>,
    /// `vma verify`, behind the decompressor.
    pub vma_verify: Option<i32>,
    /// `vma extract`, as a restore does it.
    pub vma_extract: Option<i32>,
    /// `tar -t`.
    pub tar_t: Option<i32>,
    /// `tar -x`, as a restore does it.
    pub tar_x: Option<i32>,
}

/// What is kept of them.
///
/// # Errors
/// When it cannot be understood.
pub fn tools() -> serde_json::Result<Tools> {
    serde_json::from_str(include_str!("../figures/tools.json"))
}

/// A damage: what it is, what we say of it, what they said.
#[derive(Debug, Clone)]
pub struct Compared {
    /// What was done, in words.
    pub words: &'static str,
    /// What real programs said.
    pub said: Said,
    /// What we say.
    pub ours: Examination,
}

/// Every damage of which the real programs were asked.
///
/// # Errors
/// When one cannot be made, or nobody here knows how.
pub fn compared() -> io::Result<Vec<Compared>> {
    let tools = tools().map_err(io::Error::other)?;
    let rows = tools.rows.into_iter().map(|said| {
        let row = row(&said.kind)?;
        Ok(Compared {
            words: row.words,
            ours: examined(row, &said.ending)?,
            said,
        })
    });
    rows.collect()
}

/// Every damage of which the real programs were asked, as a file, beside what is kept of them.
///
/// # Errors
/// When one cannot be made, or nobody here knows how.
pub fn damaged() -> io::Result<Vec<(Said, Vec<u8>)>> {
    let tools = tools().map_err(io::Error::other)?;
    let rows = tools.rows.into_iter().map(|said| {
        let bytes = file(row(&said.kind)?, &said.ending)?;
        Ok((said, bytes))
    });
    rows.collect()
}

fn row(kind: &str) -> io::Result<&'static Row> {
    let row = ROWS.iter().find(|row| row.kind == kind);
    row.ok_or_else(|| io::Error::other(format!("`{kind}` is not made")))
}

fn file(row: &Row, ending: &str) -> io::Result<Vec<u8>> {
    let is_machine = ending.starts_with(".vma");
    let codec = match ending.rsplit('.').next() {
        Some("zst") => Codec::Zstd,
        Some("gz") => Codec::Gzip,
        Some("lzo") => Codec::Lzo,
        _ => Codec::None,
    };
    Ok(match row.damage {
        Damage::Vma(damage) => {
            let mut machine = make::machine().map_err(io::Error::other)?;
            damage(&mut machine);
            pack(codec, &machine.bytes)?
        }
        Damage::Tar(damage) => pack(codec, &damage())?,
        Damage::Packed(damage) => {
            let content = if is_machine { content()? } else { large_tree() };
            let mut bytes = pack(codec, &content)?;
            damage(&mut bytes);
            bytes
        }
        Damage::File(damage) => damage()?,
    })
}

fn examined(row: &Row, ending: &str) -> io::Result<Examination> {
    let bytes = file(row, ending)?;
    let guest = if ending.starts_with(".vma") {
        "qemu-100"
    } else {
        "lxc-200"
    };
    let name = format!("vzdump-{guest}-2026_01_02-03_04_05{ending}");
    Ok(examine(
        &mut bytes.as_slice(),
        &FileName::new(&name),
        &mut Discard,
        Options::default(),
    ))
}

/// One of which enough is left once it is compressed.
fn large_tree() -> Vec<u8> {
    let mut members = members();
    members.push(member("./noise", b'0', "", &noise(5, 30_000)));
    tree(&members)
}

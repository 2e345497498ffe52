//! The compressions: each reads its own container and checks every checksum in it.

mod bzip2;
mod gzip;
mod lzop;
mod lzop_header;
mod zstd;
mod zstd_frame;

use pve_types::Compression;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Findings;
use crate::stream::{End, Feeder, Stream};

/// How an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// lzop.
    Lzo,
    /// zstd.
    Zstd,
    /// bzip2.
    Bzip2,
}

impl From<Option<Compression>> for Codec {
    fn from(compression: Option<Compression>) -> Self {
        match compression {
            None => Self::None,
            Some(Compression::Gzip) => Self::Gzip,
            Some(Compression::Lzo) => Self::Lzo,
            Some(Compression::Zstd) => Self::Zstd,
            Some(Compression::Bzip2) => Self::Bzip2,
        }
    }
}

/// What decompressing one file came to.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    pub(crate) findings: Findings,
    /// Whether every byte of the content was covered by a checksum.
    pub(crate) checked: bool,
}

impl Codec {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Lzo => "lzo",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
        }
    }

    /// What the first bytes of a file look like.
    pub(crate) fn of_content(start: &[u8]) -> Self {
        if zstd_frame::is_frame(start) {
            Self::Zstd
        } else if start.starts_with(&gzip::MAGIC) {
            Self::Gzip
        } else if start.starts_with(&lzop_header::MAGIC) {
            Self::Lzo
        } else if bzip2::is_stream(start) {
            Self::Bzip2
        } else {
            Self::None
        }
    }

    /// Decompresses everything. The input is read to its end, also behind damage: its digest is
    /// made of all of it.
    pub(crate) fn decode(self, input: &mut Stream, output: &Feeder) -> Decoded {
        let mut decoded = Decoded {
            checked: true,
            ..Decoded::default()
        };
        let end = match self {
            Self::None => {
                decoded.checked = false;
                copy(input, output)
            }
            Self::Gzip => gzip::decode(input, output, &mut decoded),
            Self::Lzo => lzop::decode(input, output, &mut decoded),
            Self::Zstd => zstd::decode(input, output, &mut decoded),
            Self::Bzip2 => bzip2::decode(input, output, &mut decoded),
        };
        output.end(end);
        input.drain();
        decoded
    }
}

fn copy(input: &mut Stream, output: &Feeder) -> End {
    loop {
        let mut buffer = output.buffer();
        let length = input.read(&mut buffer);
        if length == 0 {
            break;
        }
        output.send(buffer, length);
    }
    if input.is_broken() {
        End::Broken
    } else {
        End::Complete
    }
}

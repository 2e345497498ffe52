//! Compression by the ending of a file name.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::lzop;

/// How an archive is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    None,
    Gzip,
    Lzo,
    Zstd,
    /// PVE restores from it, the lab does not read it.
    Bzip2,
}

impl Codec {
    /// What the parameter `compress` asks for.
    pub(crate) fn of_parameter(text: &str) -> Self {
        match text {
            "1" | "lzo" => Self::Lzo,
            "gzip" => Self::Gzip,
            "zstd" => Self::Zstd,
            _ => Self::None,
        }
    }

    /// What the ending of a file name says.
    pub(crate) fn of_name(name: &str) -> Self {
        match name.rsplit('.').next() {
            Some("gz" | "tgz") => Self::Gzip,
            Some("lzo") => Self::Lzo,
            Some("zst") => Self::Zstd,
            Some("bz2") => Self::Bzip2,
            _ => Self::None,
        }
    }

    /// What is put behind `.vma` or `.tar`.
    pub(crate) fn ending(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Lzo => ".lzo",
            Self::Zstd => ".zst",
            Self::Bzip2 => ".bz2",
        }
    }

    /// The program with which PVE unpacks it, for its messages.
    pub(crate) fn unpacker(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("zcat"),
            Self::Lzo => Some("lzop -d -c"),
            Self::Zstd => Some("zstd -q -d -c"),
            Self::Bzip2 => Some("bzcat -q"),
        }
    }

    /// The option of tar.
    pub(crate) fn tar_option(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => "-z",
            Self::Lzo => "--lzop",
            Self::Zstd => "--zstd",
            Self::Bzip2 => "-j",
        }
    }

    /// Writes a compressed file; `fill` gives what is in it.
    ///
    /// # Errors
    /// What `fill` or the disk says.
    pub(crate) fn write<T>(
        self,
        path: &Path,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut output = BufWriter::new(File::create(path)?);
        let result = match self {
            Self::None => fill(&mut output)?,
            Self::Gzip => {
                let mut encoder = GzEncoder::new(&mut output, flate2::Compression::default());
                let result = fill(&mut encoder)?;
                encoder.finish()?;
                result
            }
            Self::Lzo => {
                let mut encoder = lzop::Encoder::new(&mut output)?;
                let result = fill(&mut encoder)?;
                encoder.finish()?;
                result
            }
            Self::Zstd => {
                let mut encoder = zstd::stream::Encoder::new(&mut output, 0)?;
                encoder.include_checksum(true)?;
                let result = fill(&mut encoder)?;
                encoder.finish()?;
                result
            }
            Self::Bzip2 => return Err(unsupported()),
        };
        output.flush()?;
        Ok(result)
    }

    /// Opens a compressed file.
    ///
    /// # Errors
    /// When it cannot be opened or is none.
    pub(crate) fn open(self, path: &Path) -> io::Result<Box<dyn Read>> {
        let file = BufReader::new(File::open(path)?);
        Ok(match self {
            Self::None => Box::new(file),
            Self::Gzip => Box::new(MultiGzDecoder::new(file)),
            Self::Lzo => Box::new(lzop::open(file)?),
            Self::Zstd => Box::new(zstd::stream::Decoder::new(file)?),
            Self::Bzip2 => return Err(unsupported()),
        })
    }
}

fn unsupported() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "the lab has no bzip2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut data = vec![0_u8; 700_000];
        for (index, byte) in data.iter_mut().enumerate().step_by(7) {
            *byte = u8::try_from(index % 251).unwrap();
        }
        for codec in [Codec::None, Codec::Gzip, Codec::Lzo, Codec::Zstd] {
            let path = folder.path().join(format!("a{}", codec.ending()));
            codec.write(&path, |out| out.write_all(&data)).unwrap();
            let mut again = Vec::new();
            let mut reader = Codec::of_name(path.to_str().unwrap()).open(&path).unwrap();
            reader.read_to_end(&mut again).unwrap();
            assert!(again == data, "{codec:?}");
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test may ask the programs of this machine"
    )]
    /// The programs of a node read it too, where this machine has them.
    #[test]
    fn other_programs_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = vec![7; 300_000];
        for (codec, program) in [
            (Codec::Lzo, "lzop"),
            (Codec::Zstd, "zstd"),
            (Codec::Gzip, "gzip"),
        ] {
            let path = folder.path().join(format!("b{}", codec.ending()));
            codec.write(&path, |out| out.write_all(&data)).unwrap();
            let Ok(output) = std::process::Command::new(program)
                .args(["-dc"])
                .arg(&path)
                .output()
            else {
                continue;
            };
            assert!(output.stdout == data, "{program}: {output:?}");
        }
    }
}

//! The configuration inside an archive.

use std::io::{self, Read as _};
use std::path::Path;

use crate::format::codec::Codec;
use crate::format::{tarball, vma};

/// Reads it; `shown` is the path as the node sees it.
///
/// # Errors
/// With the words of PVE and of the programs that it uses.
pub(crate) fn read(file: &Path, shown: &str) -> Result<String, String> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.unwrap_or_default();
    let codec = Codec::of_name(name);
    let is_vma = name.contains(".vma");
    let opened = codec.open(file);
    let found = opened.and_then(|mut input| {
        if is_vma {
            let head = vma::read_head(&mut input)?;
            Ok(head.config("qemu-server.conf").map(<[u8]>::to_vec))
        } else {
            tarball::find(&mut input, "etc/vzdump/pct.conf")
        }
    });
    match found {
        Ok(Some(config)) => Ok(String::from_utf8_lossy(&config).into_owned()),
        Err(error) if is_vma => Err(vma_failure(codec, shown, &error)),
        _ if is_vma => Err("unable to find configuration data in archive".to_owned()),
        _ => Err("ERROR: archive contains no configuration file".to_owned()),
    }
}

/// Reads the configuration of a container, whatever the archive is called.
///
/// # Errors
/// With the words of PVE.
pub(crate) fn read_container(file: &Path) -> Result<String, String> {
    let name = file.file_name().and_then(|name| name.to_str());
    let opened = Codec::of_name(name.unwrap_or_default()).open(file);
    let found = opened.and_then(|mut input| tarball::find(&mut input, "etc/vzdump/pct.conf"));
    match found {
        Ok(Some(config)) => Ok(String::from_utf8_lossy(&config).into_owned()),
        _ => Err("ERROR: archive contains no configuration file".to_owned()),
    }
}

/// What `tar` says about a file that is no archive.
pub(crate) fn tar_complaints(file: &Path) -> Vec<&'static str> {
    let name = file.file_name().and_then(|name| name.to_str());
    let codec = Codec::of_name(name.unwrap_or_default());
    let mut start = Vec::new();
    let read = codec.open(file).and_then(|input| {
        let mut head = input.take(20 * 512);
        head.read_to_end(&mut start)
    });
    if read.is_err() {
        let unpacker = match codec {
            Codec::Zstd => "zstd: /*stdin*\\: unsupported format ",
            Codec::Lzo => "lzop: <stdin>: not a lzop file",
            _ => "\ngzip: stdin: not in gzip format",
        };
        return vec![
            "tar: This does not look like a tar archive",
            unpacker,
            "tar: Child returned status 1",
            "tar: Error is not recoverable: exiting now",
        ];
    }
    let mut lines = Vec::new();
    // An archive that is sound lacks the configuration only.
    let is_tar = start.get(257..262) == Some(b"ustar");
    if !is_tar {
        lines.push("tar: This does not look like a tar archive");
        if start.len() > 512 {
            lines.push("tar: Skipping to next header");
        }
        lines.push("tar: Exiting with failure status due to previous errors");
    }
    lines
}

/// What `vma` itself says about an archive that is not compressed.
pub(crate) fn complaint(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    if name.rsplit('.').next() != Some("vma") {
        return None;
    }
    let mut input = Codec::None.open(file).ok()?;
    let error = vma::read_head(&mut input).err()?;
    Some(format!("vma: {error}"))
}

fn vma_failure(codec: Codec, shown: &str, error: &io::Error) -> String {
    let said = match codec {
        Codec::None => return format!("command 'vma config {shown}' failed: got signal 5"),
        _ if error.to_string().contains("vma") => format!("vma: {error}"),
        Codec::Zstd => format!("zstd: {shown}: unsupported format "),
        Codec::Gzip => format!("gzip: {shown}: not in gzip format"),
        _ => format!("lzop: {shown}: not a lzop file"),
    };
    format!("Failed to extract config from VMA archive: {said}\n")
}

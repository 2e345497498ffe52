//! The configuration inside an archive.

use std::io;
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

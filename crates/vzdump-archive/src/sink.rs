//! Who gets what an archive holds, as it comes by.

use std::io;

/// What kind of file a member of a tar archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    /// A regular file.
    File,
    /// A second name of an earlier member.
    HardLink,
    /// A symbolic link.
    SymbolicLink,
    /// A device node, for characters.
    CharacterDevice,
    /// A device node, for blocks.
    BlockDevice,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
    /// Something else, which tar unpacks as a file.
    Other(u8),
}

/// A member of a tar archive. Names are bytes, and nobody has made them safe: a name of an archive
/// that was found sound has no `..` component, but its author chose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name as it stands in the archive.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: MemberKind,
    /// Its size once unpacked.
    pub size: u64,
    /// Where a link leads.
    pub link: Vec<u8>,
}

/// Gets what an archive holds, in the order of the archive. It is called before the checksums at
/// the end of a compressed archive are known: only the verdict of the examination says whether
/// what came was right.
pub trait Sink {
    /// A configuration file.
    fn config(&mut self, name: &str, data: &[u8]) -> io::Result<()> {
        let _ = (name, data);
        Ok(())
    }

    /// A disk of a machine, before its first data.
    fn disk(&mut self, device: u8, name: &str, size: u64) -> io::Result<()> {
        let _ = (device, name, size);
        Ok(())
    }

    /// Data of a disk; never beyond its size, and no byte of it twice.
    fn data(&mut self, device: u8, offset: u64, data: &[u8]) -> io::Result<()> {
        let _ = (device, offset, data);
        Ok(())
    }

    /// A part of a disk that holds zeros.
    fn zeros(&mut self, device: u8, offset: u64, length: u64) -> io::Result<()> {
        let _ = (device, offset, length);
        Ok(())
    }

    /// A member of a tar archive, before its data.
    fn member(&mut self, member: &Member) -> io::Result<()> {
        let _ = member;
        Ok(())
    }

    /// Data of the member that came last; what is left out are holes.
    fn member_data(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        let _ = (offset, data);
        Ok(())
    }
}

/// Takes everything and keeps nothing: verification.
#[derive(Debug, Clone, Copy, Default)]
pub struct Discard;

impl Sink for Discard {}

//! Checksum files beside an archive.

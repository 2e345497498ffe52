//! The table of findings: name, layer, verdict, meaning, and what a restore would do. The
//! reference in the documentation is made from it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Layer;
use crate::Verdict;

/// What a restore does that never gets as far as the data.
const FAILS: &str = "It fails before anything is written.";
/// What a restore does that notices while it writes.
const FAILS_LATE: &str = "It fails half-way, after a part of the disks or files was written.";
/// What a restore does that notices nothing.
const LOSES: &str = "It ends without an error, and something is missing or wrong in the guest.";
/// What a restore does that is not touched by it.
const RUNS: &str = "It runs.";
/// There is nothing to restore from.
const NOTHING: &str = "There is nothing that could be restored.";

macro_rules! findings {
    ($($variant:ident $id:literal $layer:ident $verdict:ident $meaning:literal $restore:expr;)*) => {
        /// What can be found.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Finding {
            $(
                #[doc = $meaning]
                #[serde(rename = $id)]
                $variant,
            )*
        }

        impl Finding {
            /// All of them, in the order in which an archive is read.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $id),* }
            }

            /// Where it is wrong.
            pub const fn layer(self) -> Layer {
                match self { $(Self::$variant => Layer::$layer),* }
            }

            /// What it alone makes of the archive; `ok` is a remark.
            pub const fn verdict(self) -> Verdict {
                match self { $(Self::$variant => Verdict::$verdict),* }
            }

            /// What it means.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),* }
            }

            /// What a restore would do.
            pub const fn restore(self) -> &'static str {
                match self { $(Self::$variant => $restore),* }
            }
        }
    };
}

findings! {
    EmptyFile "empty-file" File Corrupt "The file has no bytes." FAILS;
    EmptyContent "empty-content" File Corrupt "Nothing is in the compressed file." FAILS;
    ReadError "read-error" File Unreadable "The disk or the storage failed while the file was read." "It would meet the same error.";
    PermissionDenied "permission-denied" File Unreadable "The file may not be read by who verifies." RUNS;
    Vanished "vanished" File Unreadable "The file was there when it was asked for, and is gone: its folder is another one by now, as when a storage is no longer mounted, it was named itself, or it is a link to nowhere." NOTHING;
    ChangedWhileRead "changed-while-read" File Unreadable "Size or time of the file changed while it was read: somebody writes to it." "It would read something else than was verified.";
    NotAFile "not-a-file" File Unreadable "Under the name of an archive there is a folder or a device." FAILS;
    SinkFailed "sink-failed" File Unreadable "What was read could not be written to its target." FAILS_LATE;
    BackupRunning "backup-running" File InProgress "The backup that writes this file runs now." NOTHING;
    BackupInterrupted "backup-interrupted" File Incomplete "A backup was interrupted while it wrote this file." NOTHING;
    WorkFolderLeft "work-folder-left" File Incomplete "The work folder of a backup that did not finish." NOTHING;
    BackupFailed "backup-failed" File Incomplete "The log tells of a failed backup, and there is no archive of it." NOTHING;
    LeftoverSuperseded "leftover-superseded" File Warn "What an interrupted or failed backup left; a newer sound archive of the guest exists, so it can be removed." RUNS;
    FileElsewhere "file-elsewhere" File NotVerified "Proxmox VE lists the archive, and its file cannot be reached from here, or came while this ran: nothing was read." "Nobody knows: it was not read.";
    NotProvedYet "not-proved-yet" File NotVerified "Another node reads the archives of this storage, and has no proof of this one that counts." "Nobody knows: it was not read.";
    BackupServerUnverified "pbs-unverified" File NotVerified "A snapshot on a Proxmox Backup Server that the server itself has not verified yet." "Nobody knows: it was not read.";
    BackupServerFailed "pbs-failed" File Corrupt "A Proxmox Backup Server says that its own verification of the snapshot failed." FAILS_LATE;
    NameCodec "name-codec" File Corrupt "The content is compressed in another way than the name says, or not at all." "It starts the program that the name asks for, which refuses the content. Rename the file and it can be restored.";
    NameCodecTolerated "name-codec-tolerated" File Warn "The name says zstd and the content is gzip, which a zstd with gzip support reads." "It runs where zstd was built with gzip support, as on Debian.";
    NameFormat "name-format" File Corrupt "The name says VMA and the content is tar, or the other way round." FAILS;
    NameGuest "name-guest" File Corrupt "The name says container and the content is the archive of a virtual machine, or the other way round." FAILS;
    NameGuestOld "name-guest-old" File Warn "The name says virtual machine and the content is tar, as very old versions wrote it." "Only very old versions read it.";
    ChecksumFile "checksum-file" File Corrupt "A checksum file beside the archive says another checksum." "It may run; what it restores is not what was saved.";
    DigestChanged "digest-changed" File Corrupt "The file is not what it was when it was first read in full: the ledger, its notes or the proofs of another node have another SHA-256 of it." "It may run; what it restores is not what was saved.";
    UnstableRead "unstable-read" File Warn "Of two readings one failed or found damage and the other found the file sound: memory, controller, cable or network fail at times." RUNS;
    ChecksumFileUnreadable "checksum-file-unreadable" File Warn "A checksum file beside the archive could not be understood." RUNS;

    ZstdMagic "zstd-magic" Codec Corrupt "The file does not begin as zstd data." FAILS;
    ZstdTruncated "zstd-truncated" Codec Corrupt "The file ends inside a zstd frame." FAILS_LATE;
    ZstdDamaged "zstd-damaged" Codec Corrupt "A zstd block cannot be decoded." FAILS_LATE;
    ZstdChecksum "zstd-checksum" Codec Corrupt "The content of a zstd frame has another checksum than was written." FAILS_LATE;
    ZstdWindow "zstd-window" Codec Corrupt "A zstd frame asks for a window of more than 128 MiB." "It refuses, as zstd does without a special option.";
    ZstdTrailing "zstd-trailing" Codec Corrupt "Behind the last zstd frame there is something else." FAILS_LATE;
    ZstdNoChecksum "zstd-no-checksum" Codec Ok "A zstd frame has no checksum: damage in the data of disks or files could not be seen, its integrity is not provable." RUNS;
    ZstdReserved "zstd-reserved" Codec Warn "A bit of a zstd frame header is set that no encoder sets." RUNS;
    GzipMagic "gzip-magic" Codec Corrupt "The file does not begin as gzip data." FAILS;
    GzipHeader "gzip-header" Codec Corrupt "The header of a gzip member is damaged, or asks for what gzip does not have." FAILS;
    GzipTruncated "gzip-truncated" Codec Corrupt "The file ends inside a gzip member." FAILS_LATE;
    GzipDamaged "gzip-damaged" Codec Corrupt "The compressed data of a gzip member cannot be decoded." FAILS_LATE;
    GzipChecksum "gzip-checksum" Codec Corrupt "The content of a gzip member has another CRC-32 than was written." FAILS_LATE;
    GzipLength "gzip-length" Codec Corrupt "The content of a gzip member has another length than was written." FAILS_LATE;
    GzipTrailing "gzip-trailing" Codec Corrupt "Behind the last gzip member there is something else." "gzip ends with a warning, which makes the restore fail after everything was written.";
    GzipTrailingZeros "gzip-trailing-zeros" Codec Warn "Behind the last gzip member there are zeros." RUNS;
    LzopMagic "lzop-magic" Codec Corrupt "The file does not begin as a lzop file." FAILS;
    LzopHeader "lzop-header" Codec Corrupt "The header of the lzop file is damaged or not supported." FAILS;
    LzopHeaderChecksum "lzop-header-checksum" Codec Corrupt "The header of the lzop file has another checksum than was written." FAILS;
    LzopTruncated "lzop-truncated" Codec Corrupt "The lzop file ends without its end mark." FAILS_LATE;
    LzopBlock "lzop-block" Codec Corrupt "A block of the lzop file claims an impossible length." FAILS_LATE;
    LzopDamaged "lzop-damaged" Codec Corrupt "A block of the lzop file cannot be decoded." FAILS_LATE;
    LzopChecksum "lzop-checksum" Codec Corrupt "A block of the lzop file has another checksum than was written." FAILS_LATE;
    LzopTrailing "lzop-trailing" Codec Corrupt "Behind the end mark of the lzop file there is something else." "lzop ends with a warning, which makes the restore fail after everything was written.";
    LzopSeveral "lzop-several" Codec Warn "Behind the end mark of the lzop file another one begins: all of it was read and is sound, and vzdump writes one." "lzop ends with a warning, which makes the restore fail after everything was written.";
    LzopNoChecksum "lzop-no-checksum" Codec Ok "The lzop file has no checksums of its content: damage in the data of disks or files could not be seen, its integrity is not provable." RUNS;
    Bzip2Magic "bzip2-magic" Codec Corrupt "The file does not begin as bzip2 data." FAILS;
    Bzip2Truncated "bzip2-truncated" Codec Corrupt "The file ends inside a bzip2 stream." FAILS_LATE;
    Bzip2Damaged "bzip2-damaged" Codec Corrupt "A bzip2 block cannot be decoded, or has another checksum than was written." FAILS_LATE;
    Bzip2Trailing "bzip2-trailing" Codec Warn "Behind the last bzip2 stream there is something else, which bzip2 ignores." RUNS;

    VmaMagic "vma-magic" Format Corrupt "The content does not begin as a VMA archive." FAILS;
    VmaHeaderTruncated "vma-header-truncated" Format Corrupt "The archive ends inside its header." FAILS;
    VmaHeaderSize "vma-header-size" Format Corrupt "The header claims an impossible size." FAILS;
    VmaHeaderChecksum "vma-header-checksum" Format Corrupt "The header, with the configuration in it, has another MD5 than was written." FAILS;
    VmaVersion "vma-version" Format Corrupt "The version of the archive is not 1." FAILS;
    VmaBlobArea "vma-blob-area" Format Corrupt "The header places its blobs outside of itself." FAILS;
    VmaBlobOverrun "vma-blob-overrun" Format Warn "A blob of the header is longer than the room for blobs." "It passes over this blob.";
    VmaConfigPointer "vma-config-pointer" Format Corrupt "A configuration file points to no blob." FAILS;
    VmaConfigHalf "vma-config-half" Format Warn "A configuration file has a name and no data, or data and no name." "It passes over this file.";
    VmaConfigName "vma-config-name" Format Corrupt "The name of a configuration file is a path, or is there twice." "It would write outside of its folder, or overwrite one file with the other.";
    VmaDeviceName "vma-device-name" Format Corrupt "A device has a size and no valid name, or a name that another one has." "It does not see this disk.";
    VmaDeviceId "vma-device-id" Format Corrupt "A device has an id that readers do not look at." "It does not see this disk.";
    VmaDeviceWithoutSize "vma-device-without-size" Format Warn "A device has a name and no size." "It does not see this disk.";
    VmaDeviceSize "vma-device-size" Format Warn "The size of a disk is no multiple of 512 bytes." "It cuts what lies behind the last whole sector.";
    VmaReserved "vma-reserved" Format Warn "A reserved field is not zero: something that this format does not know wrote it." RUNS;
    VmaExtentTruncated "vma-extent-truncated" Format Corrupt "The archive ends inside an extent." FAILS_LATE;
    VmaTrailing "vma-trailing" Format Corrupt "Behind the last extent there is something that is no extent." FAILS_LATE;
    VmaExtentMagic "vma-extent-magic" Format Corrupt "Where an extent should begin there is none." FAILS_LATE;
    VmaExtentChecksum "vma-extent-checksum" Format Corrupt "The header of an extent has another MD5 than was written." FAILS_LATE;
    VmaExtentUuid "vma-extent-uuid" Format Corrupt "An extent belongs to another archive." FAILS_LATE;
    VmaBlockCount "vma-block-count" Format Corrupt "An extent has another number of blocks than its clusters ask for." FAILS_LATE;
    VmaUnknownDevice "vma-unknown-device" Format Corrupt "A cluster belongs to a device that the header does not name." FAILS_LATE;
    VmaDuplicateCluster "vma-duplicate-cluster" Format Corrupt "A cluster of a disk is there twice." FAILS_LATE;
    VmaClusterBeyondEnd "vma-cluster-beyond-end" Format Corrupt "A cluster or block lies beyond the end of its disk." FAILS_LATE;
    VmaMissingClusters "vma-missing-clusters" Format Corrupt "Clusters of a disk are missing." "It fails at its end, after everything else was written.";
    VmaVmstateOrder "vma-vmstate-order" Format Corrupt "The clusters of the memory image are not in order." FAILS_LATE;
    VmaVmstateShort "vma-vmstate-short" Format Warn "The memory image is shorter than the header says. Nothing in the format tells where it ends, so it may have been cut." "It runs; a machine may not continue from this memory.";
    VmaNoExtent "vma-no-extent" Format Warn "The archive has no extent; the writer makes one even for a machine without disks." RUNS;
    VmaZeroBlock "vma-zero-block" Format Warn "A stored block is all zero. The writer never stores such a block, so it may have been data once." "It writes zeros there; if data was lost, nobody notices.";
    VmaTailNotZero "vma-tail-not-zero" Format Warn "Behind the end of a disk, in its last block, there is data." "It cuts it off.";
    VmaIndexLimit "vma-index-limit" Format Warn "The clusters come in such disorder that their completeness could not be followed within the memory allowed." "It tells at its end whether clusters are missing.";

    TarMagic "tar-magic" Format Corrupt "The content does not begin as a tar archive." FAILS;
    TarHeaderChecksum "tar-header-checksum" Format Corrupt "Where the header of a member should be there is none, or it has another checksum than was written." FAILS_LATE;
    TarTruncated "tar-truncated" Format Corrupt "The archive ends inside a member." FAILS_LATE;
    TarSize "tar-size" Format Corrupt "The size of a member is no number." FAILS_LATE;
    TarPax "tar-pax" Format Corrupt "The extended header of a member cannot be understood." FAILS_LATE;
    TarLostMember "tar-lost-member" Format Corrupt "A header that describes the next member is followed by another such header or by the end mark: the member is lost." LOSES;
    TarSparse "tar-sparse" Format Corrupt "The map of a sparse file contradicts itself or its data." FAILS_LATE;
    TarName "tar-name" Format Corrupt "A member has no name, or one that no file can have." FAILS_LATE;
    TarPathParent "tar-path-parent" Format Corrupt "The name of a member leads out of the archive by `..`." "tar refuses this member and the restore fails.";
    TarPathAbsolute "tar-path-absolute" Format Warn "The name of a member is absolute." "tar takes the leading slash away.";
    TarPathBelowLink "tar-path-below-link" Format Warn "A member lies below a symbolic link of the same archive." "tar may write it elsewhere, or refuse it.";
    TarHardLink "tar-hard-link" Format Corrupt "A hard link leads to a member that did not come before it." "tar cannot make the link and the restore fails.";
    TarType "tar-type" Format Warn "A member is of an unknown type." "tar unpacks it as a file.";
    TarMultiVolume "tar-multi-volume" Format Corrupt "The archive is a part of several volumes." "It refuses.";
    TarPadding "tar-padding" Format Warn "The room between the end of a file and the next block is not zero, which tar never writes." RUNS;
    TarLinkSize "tar-link-size" Format Warn "A link, a folder or a device node has a size." RUNS;
    TarNoEnd "tar-no-end" Format Corrupt "The archive has no end mark: it may have been cut between two members." LOSES;
    TarEndHalf "tar-end-half" Format Warn "The archive ends in the middle of its end mark." RUNS;
    TarLoneZeroBlock "tar-lone-zero-block" Format Corrupt "A block of zeros stands between members, where readers stop." LOSES;
    TarAfterEnd "tar-after-end" Format Corrupt "Behind the end mark there is more, which readers do not look at." LOSES;
    TarExcessZeros "tar-excess-zeros" Format Warn "Behind the end mark there are more zeros than tar writes: the rest of the archive may have been overwritten." "It ends without an error; members that were overwritten are missing.";
    TarNotPadded "tar-not-padded" Format Warn "The archive is not filled up to 10240 bytes, as tar does: its last bytes are missing." RUNS;
    TarFewMembers "tar-few-members" Format Warn "The archive has fewer than ten members." "Proxmox VE refuses it when its source is not trusted.";
    TarNoSbin "tar-no-sbin" Format Warn "The archive has no `sbin`, so it is hardly a system." "Proxmox VE refuses it when its source is not trusted.";
    TarSparseUnchecked "tar-sparse-unchecked" Format Warn "The map of a sparse file has more parts than were followed." RUNS;

    ConfigMissing "config-missing" Config Corrupt "The archive has no configuration of the guest." "It fails: without the configuration no guest can be made. The disks or files may be taken out by hand.";
    ConfigEmpty "config-empty" Config Corrupt "The configuration of the guest is empty." "It fails, or makes a guest without disks.";
    ConfigDamaged "config-damaged" Config Corrupt "The configuration of the guest is no text, or no line of it can be understood." "It fails, or makes a guest without disks.";
    ConfigLine "config-line" Config Warn "A line of the configuration cannot be understood." "It passes over this line.";
    ConfigMapWithoutDevice "config-map-without-device" Config Corrupt "The configuration names a disk that the archive does not hold." "It refuses.";
    ConfigMapWithoutDisk "config-map-without-disk" Config Warn "The configuration maps a disk that it does not have." "It writes the disk and the guest does not use it.";
    ConfigDeviceWithoutMap "config-device-without-map" Config Corrupt "The archive holds a disk that the configuration does not name." "It refuses.";
    ConfigDiskNotArchived "config-disk-not-archived" Config Warn "The configuration has a disk that is to be saved, and it is not in the archive." "It runs, and the guest refers to a volume that was not restored.";
    ConfigNoRootfs "config-no-rootfs" Config Warn "The configuration of the container has no `rootfs`." "It asks for a storage to be named.";

    DumpNoEndMark "dump-no-end-mark" Format Warn "The dump has no end mark of a known tool, so that nobody can say whether it is complete." RUNS;
    DumpNoStart "dump-no-start" Format Warn "The dump has the end mark of a tool and does not begin as its dumps do: its first part may be missing." RUNS;
    DumpTruncated "dump-truncated" Format Corrupt "The dump begins as one of a known tool and ends without its end mark." "It restores a part of the database.";
    DumpErrorPage "dump-error-page" Format Corrupt "In place of a dump there is a web page, the error of a program, or some other text without a statement." NOTHING;
    DumpAfterEnd "dump-after-end" Format Warn "Behind the end mark of the dump there is more." RUNS;
    DumpDamaged "dump-damaged" Format Corrupt "The dump holds bytes that no dump holds, or its table of contents cannot be understood." FAILS_LATE;
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

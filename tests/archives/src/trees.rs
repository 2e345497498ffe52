//! Sound archives of containers of every kind that tar writes or once wrote.

use crate::make::{member, members, sign_member, tree};

/// A container.
#[derive(Debug, Clone)]
pub struct Tree {
    /// What it is a case of.
    pub what: &'static str,
    /// Its members, each with all blocks that belong to it.
    pub members: Vec<Vec<u8>>,
}

impl Tree {
    /// The bytes of its archive.
    pub fn archive(&self) -> Vec<u8> {
        tree(&self.members)
    }

    /// One with these members more than the usual ones.
    fn with(what: &'static str, more: Vec<Vec<u8>>) -> Self {
        let members = [members(), more].concat();
        Self { what, members }
    }
}

/// A record of an extended header: its length counts its own digits.
pub fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let body = key.len() + value.len() + 3;
    let mut length = body + 1;
    while length != body + length.to_string().len() {
        length += 1;
    }
    let mut record = format!("{length} {key}=").into_bytes();
    record.extend(value);
    record.push(b'\n');
    record
}

/// A member behind an extended header with these records.
pub fn extended(records: &[(&str, &[u8])], then: &[u8]) -> Vec<u8> {
    let data: Vec<u8> = records
        .iter()
        .flat_map(|(key, value)| record(key, value))
        .collect();
    [member("./PaxHeaders/x", b'x', "", &data), then.to_vec()].concat()
}

fn changed(mut member: Vec<u8>, fields: &[(usize, &[u8])]) -> Vec<u8> {
    for (at, data) in fields {
        if let Some(place) = member.get_mut(*at..at + data.len()) {
            place.copy_from_slice(data);
        }
    }
    sign_member(&mut member, 0);
    member
}

/// A sparse file of the old form: parts of 512 bytes, each behind a hole.
fn old_sparse(parts: usize) -> Vec<u8> {
    let mut head = member("./old-sparse", b'S', "", &vec![b's'; 512 * parts]);
    let data = head.split_off(512);
    let entries: Vec<Vec<u8>> = (0..parts)
        .map(|part| format!("{:011o}\0{:011o}\0", part * 4096, 512).into_bytes())
        .collect();
    let (first, rest) = entries.split_at(parts.min(4));
    let size = format!("{:011o}\0", parts * 4096);
    let more = [u8::from(!rest.is_empty())];
    let head = changed(
        head,
        &[
            (257, b"ustar  \0"),
            (386, &first.concat()),
            (482, &more),
            (483, size.as_bytes()),
        ],
    );
    let mut blocks = Vec::new();
    let count = rest.len().div_ceil(21);
    for (index, entries) in rest.chunks(21).enumerate() {
        let mut block = entries.concat();
        block.resize(512, 0);
        if let Some(flag) = block.get_mut(504) {
            *flag = u8::from(index + 1 < count);
        }
        blocks.extend(block);
    }
    [head, blocks, data].concat()
}

/// A sparse file whose map stands before its data, as GNU tar writes it today.
fn sparse(parts: usize) -> Vec<u8> {
    let mut lines = vec![(parts + 1).to_string()];
    for part in 0..parts {
        lines.extend([(part * 8192).to_string(), "512".to_owned()]);
    }
    // The end of the file, where nothing is.
    lines.extend([(parts * 8192).to_string(), "0".to_owned()]);
    let mut data = (lines.join("\n") + "\n").into_bytes();
    data.resize(data.len().next_multiple_of(512), 0);
    data.resize(data.len() + 512 * parts, b's');
    let size = (parts * 8192).to_string();
    extended(
        &[
            ("GNU.sparse.major", b"1"),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.name", b"./sparse"),
            ("GNU.sparse.realsize", size.as_bytes()),
        ],
        &member("./GNUSparseFile.7/sparse", b'0', "", &data),
    )
}

/// Sparse files of the two forms between.
fn sparse_of_0() -> Vec<Vec<u8>> {
    let data = member("./s0", b'0', "", &[b's'; 700]);
    vec![
        extended(
            &[
                ("GNU.sparse.size", b"9000"),
                ("GNU.sparse.numblocks", b"2"),
                ("GNU.sparse.offset", b"100"),
                ("GNU.sparse.numbytes", b"300"),
                ("GNU.sparse.offset", b"8000"),
                ("GNU.sparse.numbytes", b"400"),
            ],
            &data,
        ),
        extended(
            &[
                ("GNU.sparse.size", b"9000"),
                ("GNU.sparse.numblocks", b"2"),
                ("GNU.sparse.name", b"./s01"),
                ("GNU.sparse.map", b"100,300,8000,400"),
            ],
            &data,
        ),
    ]
}

fn gnu_long() -> Vec<Vec<u8>> {
    let name = format!("./{}/file\0", "long".repeat(70));
    let target = format!("./{}/file", "long".repeat(70));
    let link = format!("{target}\0");
    vec![
        [
            member("././@LongLink", b'L', "", name.as_bytes()),
            member(name.get(..99).unwrap_or_default(), b'0', "", b"data"),
        ]
        .concat(),
        // A hard link to it, by the long name.
        [
            member("././@LongLink", b'K', "", link.as_bytes()),
            member("./short", b'1', link.get(..99).unwrap_or_default(), b""),
        ]
        .concat(),
        // The old magic number of GNU, behind which the field of the prefix means other things.
        changed(
            member("./gnu", b'0', "", b"x"),
            &[(257, b"ustar  \0"), (345, b"00000000000\0")],
        ),
    ]
}

fn pax_long() -> Vec<Vec<u8>> {
    let path = format!("./{}/ünï\ncode\x7f", "p".repeat(300));
    let target = path.as_bytes();
    vec![
        extended(
            &[
                ("path", target),
                ("mtime", b"1767225600.123456789"),
                ("uid", b"4000000000"),
                ("SCHILY.xattr.user.bin", b"\0\n=\xff 7 a=b\n"),
                (
                    "SCHILY.xattr.security.capability",
                    b"\x01\0\0\x02\0\x20\0\0",
                ),
                ("SCHILY.acl.access", b"user::rw-,user:1000:r--,mask::r--"),
                ("SCHILY.acl.default", b"user::rwx"),
            ],
            &member("./p", b'0', "", b"data"),
        ),
        extended(&[("linkpath", target)], &member("./pl", b'1', "p", b"")),
        extended(&[("linkpath", target)], &member("./ps", b'2', "p", b"")),
        extended(
            &[("path", b"./not-\xff-text")],
            &member("./x", b'0', "", b""),
        ),
        // The size of the extended header counts, whatever the plain one says.
        extended(
            &[("size", b"5")],
            &changed(
                member("./sized", b'0', "", b"12345"),
                &[(124, b"00000000000\0")],
            ),
        ),
        extended(
            &[("comment", b"of all"), ("mtime", b"0")],
            &member("./e", b'5', "", b""),
        ),
    ]
}

fn nodes() -> Vec<Vec<u8>> {
    vec![
        member("./dev/null", b'3', "", b""),
        member("./dev/sda", b'4', "", b""),
        member("./run/pipe", b'6', "", b""),
        member("./contiguous", b'7', "", b"data"),
        // Before there were types, and a folder then.
        member("./typeless", 0, "", b"data"),
        member("./folder/", 0, "", b""),
        member("./usr/bin/", b'5', "", b""),
        member("./usr/bin/tool", b'0', "", &[0; 512]),
        member("./usr/bin/again", b'1', "./usr/bin/tool", b""),
        // The same without its dot, as a mount point of its own is saved.
        member("./usr/bin/third", b'1', "usr/bin/tool", b""),
        // A link that became a folder later.
        member("./srv", b'2', "mnt", b""),
        member("./srv/", b'5', "", b""),
        member("./srv/data", b'0', "", b"d"),
        // A link into nowhere is no damage.
        member("./etc/mtab", b'2', "../proc/mounts", b""),
        // A size of more than eleven digits is written in bytes.
        changed(
            member("./base256", b'0', "", b"12345"),
            &[(124, &[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5])],
        ),
        changed(
            member("file", b'0', "", b"x"),
            &[(345, b"./a/prefix/of/ustar")],
        ),
        // Times before 1970, and owners beyond seven digits.
        changed(
            member("./old", b'0', "", b""),
            &[(136, &[0xff; 12]), (108, &[0x80])],
        ),
    ]
}

/// One of each kind.
pub fn every_kind() -> Vec<Tree> {
    let config = "#ä\narch: amd64\nfeatures: nesting=1\nhostname: ct\nlxc.cap.drop:\nlxc.mount.entry: /a b none bind 0 0\nmp0: local:200/vm-200-disk-1.raw,mp=/srv/data,backup=1,size=8G\nmp1: /mnt/host,mp=/host\nnet0: name=eth0,bridge=vmbr0,ip=dhcp\nrootfs: local:200/vm-200-disk-0.raw,size=8G\nunprivileged: 1\nunused0: local:x\n\n[snap]\nrootfs: local:x\n";
    let conf = member("./etc/vzdump/pct.conf", b'0', "", config.as_bytes());
    let firewall = member("./etc/vzdump/pct.fw", b'0', "", b"");
    let rest = || members().into_iter().skip(1);
    let configured = |heads: Vec<Vec<u8>>| heads.into_iter().chain(rest()).collect::<Vec<_>>();
    let global = member("./PaxHeaders/g", b'g', "", &record("comment", b"x"));
    vec![
        Tree::with("usual members", vec![]),
        Tree::with("long names of pax, attributes, access lists", pax_long()),
        Tree::with("long names of GNU", gnu_long()),
        Tree::with("nodes, links and old forms", nodes()),
        Tree::with("sparse files of today", vec![sparse(1), sparse(90)]),
        Tree::with("sparse files of GNU", vec![old_sparse(3), old_sparse(60)]),
        Tree::with("sparse files between", sparse_of_0()),
        Tree {
            what: "firewall, mount points, snapshots",
            members: configured(vec![conf.clone(), firewall]),
        },
        Tree {
            what: "suspend mode, which saves the configuration twice",
            members: [configured(vec![conf.clone()]), vec![conf.clone()]].concat(),
        },
        Tree {
            what: "OpenVZ",
            members: configured(vec![member(
                "./etc/vzdump/vps.conf",
                b'0',
                "",
                b"ONBOOT=\"yes\"\nPHYSPAGES=\"0:256M\"\nOSTEMPLATE=\"debian-6.0\"\n",
            )]),
        },
        Tree {
            what: "a header of all, and a label",
            members: [vec![global, member("label", b'V', "", b"")], members()].concat(),
        },
        Tree::with(
            "a full record at its end",
            vec![member(
                "./fill",
                b'0',
                "",
                &vec![b'f'; 10_240 * 3 - 9728 - 1024],
            )],
        ),
    ]
}

//! Each class of damage of a container's archive under each compression.

use reprise_archives::make::{member, members, sign_member, tree};
use vzdump_archive::Finding;

use super::damage::{CODECS, check, tar_name};

#[test]
fn each_damage_of_a_tree_is_named() {
    let with = |extra: Vec<u8>| {
        let mut members = members();
        members.push(extra);
        tree(&members)
    };
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut bytes = tree(&members());
        change(&mut bytes);
        bytes
    };
    let used = members().concat().len();
    let without = |index: usize| {
        let mut members = members();
        members.remove(index);
        tree(&members)
    };
    let all = members();
    let damages = [
        (
            "header bit",
            changed(|b| b[1024 + 5] ^= 1),
            Finding::TarHeaderChecksum,
        ),
        (
            "first header bit",
            changed(|b| b[5] ^= 1),
            Finding::TarMagic,
        ),
        (
            "size is no number",
            changed(|b| {
                b[124] = b'x';
                sign_member(b, 0);
            }),
            Finding::TarSize,
        ),
        (
            "size too big",
            changed(|b| {
                b[1024 + 134] = b'7';
                sign_member(b, 1024);
            }),
            Finding::TarLinkSize,
        ),
        ("no end mark", all.concat(), Finding::TarNoEnd),
        (
            "half an end mark",
            [all.concat(), vec![0; 512]].concat(),
            Finding::TarEndHalf,
        ),
        ("cut between members", all[..9].concat(), Finding::TarNoEnd),
        (
            "cut in a file",
            all.concat()[..used - 200].to_vec(),
            Finding::TarTruncated,
        ),
        (
            "not filled up",
            [all.concat(), vec![0; 1024]].concat(),
            Finding::TarNotPadded,
        ),
        (
            "zeros inside",
            [all[..5].concat(), vec![0; 1024], tree(&all[5..])].concat(),
            Finding::TarAfterEnd,
        ),
        (
            "a block zeroed",
            [all[..5].concat(), vec![0; 512], tree(&all[5..])].concat(),
            Finding::TarLoneZeroBlock,
        ),
        (
            "garbage behind",
            [tree(&all), vec![7; 3000]].concat(),
            Finding::TarAfterEnd,
        ),
        (
            "rest zeroed",
            [all[..11].concat(), vec![0; 20_480]].concat(),
            Finding::TarExcessZeros,
        ),
        ("no configuration", without(0), Finding::ConfigMissing),
        (
            "empty configuration",
            {
                let mut m = all.clone();
                m[0] = member("./etc/vzdump/pct.conf", b'0', "", b"");
                tree(&m)
            },
            Finding::ConfigEmpty,
        ),
        (
            "no sbin",
            tree(
                &[&all[..2], &all[5..], &all[5..]]
                    .concat()
                    .into_iter()
                    .filter(|m| m[156] != b'1')
                    .collect::<Vec<_>>(),
            ),
            Finding::TarNoSbin,
        ),
        ("few members", tree(&all[..6]), Finding::TarFewMembers),
        (
            "parent path",
            with(member("./../etc/passwd", b'0', "", b"x")),
            Finding::TarPathParent,
        ),
        (
            "absolute path",
            with(member("/etc/passwd", b'0', "", b"x")),
            Finding::TarPathAbsolute,
        ),
        (
            "below a link",
            with(member("./bin/sh", b'0', "", b"x")),
            Finding::TarPathBelowLink,
        ),
        (
            "link to nothing",
            with(member("./b", b'1', "./absent", b"")),
            Finding::TarHardLink,
        ),
        (
            "unknown type",
            with(member("./b", b'Q', "", b"")),
            Finding::TarType,
        ),
        (
            "several volumes",
            with(member("./b", b'M', "", b"")),
            Finding::TarMultiVolume,
        ),
        (
            "bad pax",
            with(member("./b", b'x', "", b"99 path=a\n")),
            Finding::TarPax,
        ),
        (
            "bad map",
            [
                member("./b", b'x', "", b"22 GNU.sparse.major=1\n"),
                with(member("./c", b'0', "", b"1\n5\n")),
            ]
            .concat(),
            Finding::TarSparse,
        ),
        (
            "fewer parts than told",
            [
                member(
                    "./b",
                    b'x',
                    "",
                    b"26 GNU.sparse.numblocks=3\n26 GNU.sparse.map=0,1,9,1\n22 GNU.sparse.size=10\n",
                ),
                with(member("./c", b'0', "", b"ab")),
            ]
            .concat(),
            Finding::TarSparse,
        ),
        (
            "a map that ended and goes on",
            with({
                let mut m = member("./b", b'S', "", &[0; 512]);
                m[482] = 1;
                m[483..494].copy_from_slice(b"00000001000");
                sign_member(&mut m, 0);
                m
            }),
            Finding::TarSparse,
        ),
        (
            "a described member missing",
            with([pax("path", "./b"), pax("path", "./c")].concat()),
            Finding::TarLostMember,
        ),
        (
            "the last member missing",
            with(member("././@LongLink", b'L', "", b"./b\0")),
            Finding::TarLostMember,
        ),
        (
            "padding",
            changed(|b| b[512 + 400] = 1),
            Finding::TarPadding,
        ),
    ];
    for (what, bytes, expected) in damages {
        for (codec, ending) in CODECS {
            check(what, &tar_name(ending), &bytes, codec, expected);
        }
    }
}

/// An extended header with one short record.
fn pax(key: &str, value: &str) -> Vec<u8> {
    let length = key.len() + value.len() + 5;
    let record = format!("{length} {key}={value}\n");
    member("./PaxHeaders/b", b'x', "", record.as_bytes())
}

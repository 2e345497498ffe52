//! Sound archives of every kind: none is blamed, and a restore gives what was saved.

use std::collections::BTreeMap;
use std::io;

use reprise_archives::machines::{self, truth};
use reprise_archives::{packings, trees};
use vzdump_archive::{Codec, Examination, FileName, Integrity, Options, Sink, Verdict, examine};

use super::damage::{CODECS, examined, tar_name, vma_name};

/// Disks in memory. What never comes is no zero.
#[derive(Default)]
struct Disks(BTreeMap<u8, (String, Vec<Option<u8>>)>);

impl Disks {
    fn put(&mut self, device: u8, offset: u64, length: usize, data: impl Fn(usize) -> u8) {
        let at = usize::try_from(offset).unwrap();
        let (name, disk) = self.0.get_mut(&device).unwrap();
        // The memory image has no size.
        if name == "vmstate" && disk.len() < at + length {
            disk.resize(at + length, None);
        }
        for (index, byte) in disk[at..at + length].iter_mut().enumerate() {
            assert!(byte.is_none(), "a byte came twice");
            *byte = Some(data(index));
        }
    }
}

impl Sink for Disks {
    fn disk(&mut self, device: u8, name: &str, size: u64) -> io::Result<()> {
        let disk = vec![None; usize::try_from(size).unwrap()];
        self.0.insert(device, (name.to_owned(), disk));
        Ok(())
    }

    fn data(&mut self, device: u8, offset: u64, data: &[u8]) -> io::Result<()> {
        self.put(device, offset, data.len(), |index| data[index]);
        Ok(())
    }

    fn zeros(&mut self, device: u8, offset: u64, length: u64) -> io::Result<()> {
        self.put(device, offset, usize::try_from(length).unwrap(), |_| 0);
        Ok(())
    }
}

fn said(examination: &Examination) -> (Verdict, Vec<String>) {
    let reasons = examination.reasons.iter().map(ToString::to_string);
    (examination.verdict, reasons.collect())
}

const FINE: (Verdict, Vec<String>) = (Verdict::Ok, Vec::new());

#[test]
fn machines_of_every_kind_are_sound_and_come_back() {
    for machine in machines::every_kind() {
        let bytes = machine.archive().unwrap();
        let mut disks = Disks::default();
        let name = FileName::new(&vma_name(""));
        let examination = examine(&mut &bytes[..], &name, &mut disks, Options::default());
        assert_eq!(said(&examination), FINE, "{}", machine.what);
        assert_eq!(examination.integrity, Integrity::NotProvable);
        let truth = truth(&machine);
        assert_eq!(disks.0.len(), truth.len(), "{}", machine.what);
        for (name, disk) in disks.0.values() {
            let wanted = truth[name];
            let given: Vec<u8> = disk.iter().take(wanted.len()).map(|b| b.unwrap()).collect();
            assert!(given == wanted, "{}: {name} is another", machine.what);
        }
        let texts = machine.configs.iter().filter(|(_, text)| !text.is_empty());
        assert!(examination.configs.len() >= texts.count());
    }
}

#[test]
fn containers_of_every_kind_are_sound() {
    for tree in trees::every_kind() {
        let examination = examined(&tar_name(""), &tree.archive());
        assert_eq!(said(&examination), FINE, "{}", tree.what);
        assert_eq!(examination.configs.len(), 1, "{}", tree.what);
    }
}

/// What other writers of the same compression make: several frames, members or streams, names and
/// comments in headers, other checksums.
#[test]
fn whatever_wrote_the_compression_is_read() {
    let machine = machines::every_kind().swap_remove(4).archive().unwrap();
    let tree = trees::every_kind().swap_remove(1).archive();
    for packing in packings::every_kind() {
        let (_, ending) = CODECS
            .into_iter()
            .find(|(codec, _)| *codec == packing.codec)
            .unwrap();
        for (name, content) in [(vma_name(ending), &machine), (tar_name(ending), &tree)] {
            let examination = examined(&name, &(packing.pack)(content).unwrap());
            let what = format!("{} as {name}", packing.what);
            assert_eq!(examination.verdict, Verdict::Ok, "{what}: {examination:?}");
            let proven = examination.integrity == Integrity::Proven;
            assert_eq!(proven, packing.checked, "{what}");
            assert_eq!(examination.content_bytes, content.len() as u64, "{what}");
        }
        assert_ne!(packing.codec, Codec::None);
    }
}

/// A carriage return at the end of a map: the restore looks for the colon there.
#[test]
fn nearly_sound_is_not_sound() {
    let mut machine = machines::every_kind().swap_remove(0);
    machine.configs[0].1 = machine.configs[0].1.replace('\n', "\r\n");
    let examination = examined(&vma_name(""), &machine.archive().unwrap());
    assert_eq!(examination.verdict, Verdict::Corrupt);
    // Proxmox VE finds the configuration of a container by its whole name.
    let mut tree = trees::every_kind().swap_remove(0);
    let config = b"rootfs: local:x\n";
    tree.members[0] = reprise_archives::make::member("etc/vzdump/pct.conf", b'0', "", config);
    let examination = examined(&tar_name(""), &tree.archive());
    assert_eq!(examination.verdict, Verdict::Corrupt);
}

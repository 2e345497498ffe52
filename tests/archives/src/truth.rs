//! What a restore would give: disks written as they come, files hashed as they come.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;

use sha2::{Digest as _, Sha256};
use vzdump_archive::{Member, MemberKind, Sink};

use crate::manifest::{Content, DiskTruth, Truth};

static ZEROS: [u8; 65_536] = [0; 65_536];

/// Restores into temporary files.
#[derive(Debug, Default)]
pub struct Restored {
    disks: BTreeMap<u8, (String, u64, File)>,
    configs: BTreeMap<String, Content>,
    members: u64,
    open: Option<OpenFile>,
    files: BTreeMap<String, Content>,
}

#[derive(Debug)]
struct OpenFile {
    name: String,
    size: u64,
    at: u64,
    digest: Sha256,
}

impl OpenFile {
    fn fill(&mut self, to: u64) {
        while self.at < to {
            let count = (to - self.at).min(ZEROS.len() as u64);
            let zeros = usize::try_from(count).unwrap_or(ZEROS.len());
            self.digest.update(ZEROS.get(..zeros).unwrap_or(&ZEROS));
            self.at += count;
        }
    }
}

impl Sink for Restored {
    fn config(&mut self, name: &str, data: &[u8]) -> io::Result<()> {
        let content = Content {
            size: data.len() as u64,
            sha256: hex::encode(Sha256::digest(data)),
        };
        self.configs.insert(name.to_owned(), content);
        Ok(())
    }

    fn disk(&mut self, device: u8, name: &str, size: u64) -> io::Result<()> {
        let file = tempfile::tempfile()?;
        self.disks.insert(device, (name.to_owned(), size, file));
        Ok(())
    }

    fn data(&mut self, device: u8, offset: u64, data: &[u8]) -> io::Result<()> {
        match self.disks.get(&device) {
            Some((_, _, file)) => file.write_all_at(data, offset),
            None => Err(io::Error::other("data of a disk that was not announced")),
        }
    }

    fn member(&mut self, member: &Member) -> io::Result<()> {
        self.close();
        self.members += 1;
        // A hard link has no data of its own: `tar -xO` gives nothing for it.
        if matches!(member.kind, MemberKind::File | MemberKind::HardLink) {
            self.open = Some(OpenFile {
                name: String::from_utf8_lossy(&member.path).into_owned(),
                size: member.size,
                at: 0,
                digest: Sha256::new(),
            });
        }
        Ok(())
    }

    fn member_data(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        if let Some(file) = &mut self.open {
            file.fill(offset);
            file.digest.update(data);
            file.at += data.len() as u64;
        }
        Ok(())
    }
}

impl Restored {
    fn close(&mut self) {
        if let Some(mut file) = self.open.take() {
            let size = file.size;
            file.fill(size);
            let content = Content {
                size,
                sha256: hex::encode(file.digest.finalize()),
            };
            // tar leaves a file that is there as it is, so the first of a name is what is restored.
            self.files.entry(file.name).or_insert(content);
        }
    }

    /// What differs from the truth.
    ///
    /// # Errors
    /// When a restored disk cannot be read back.
    pub fn differences(&mut self, truth: &Truth, content_bytes: u64) -> io::Result<Vec<String>> {
        self.close();
        let mut differences = Vec::new();
        let mut compare = |what: String, wanted: String, got: String| {
            if wanted != got {
                differences.push(format!("{what}: {got}, should be {wanted}"));
            }
        };
        for (name, wanted) in &truth.configs {
            let got = self.configs.get(name);
            compare(
                name.clone(),
                format!("{:?}", wanted.as_ref()),
                format!("{got:?}"),
            );
        }
        for wanted in &truth.disks {
            let got = self.disk_truth(&wanted.devname)?;
            compare(
                wanted.devname.clone(),
                format!("{:?}", Some(wanted)),
                format!("{got:?}"),
            );
        }
        for (name, wanted) in &truth.file_sha256 {
            let got = self.files.get(name);
            compare(
                name.clone(),
                format!("{:?}", wanted.as_ref()),
                format!("{got:?}"),
            );
        }
        if let Some(wanted) = truth.tar_members {
            compare(
                "members".to_owned(),
                wanted.to_string(),
                self.members.to_string(),
            );
        }
        if let Some(wanted) = truth.tar_bytes {
            compare(
                "bytes of the tar archive".to_owned(),
                wanted.to_string(),
                content_bytes.to_string(),
            );
        }
        Ok(differences)
    }

    fn disk_truth(&mut self, name: &str) -> io::Result<Option<DiskTruth>> {
        let found = self.disks.values_mut().find(|(known, _, _)| known == name);
        let Some((_, size, file)) = found else {
            return Ok(None);
        };
        file.set_len(*size)?;
        file.seek(SeekFrom::Start(0))?;
        let mut digest = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let length = file.read(&mut buffer)?;
            if length == 0 {
                break;
            }
            digest.update(buffer.get(..length).unwrap_or_default());
        }
        Ok(Some(DiskTruth {
            devname: name.to_owned(),
            size: *size,
            sha256: hex::encode(digest.finalize()),
        }))
    }
}

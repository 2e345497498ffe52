//! The header of an archive: uuid, configurations, devices.

use md5::{Digest as _, Md5};

use super::blobs::Blobs;
use super::layout::{
    CONFIGS, DEVICE_ENTRY, DEVICE_IDS, DEVICES, FIXED_HEADER, LARGEST_HEADER, MAGIC, SECTOR,
    VERSION, VMSTATE, at,
};
use crate::number::{be32, be64, field, wide};
use crate::stream::Stream;
use crate::{Finding, Findings, Place, Reason};

/// A device of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Device {
    pub(super) id: u8,
    pub(super) name: String,
    pub(super) size: u64,
}

/// What the header says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) uuid: [u8; 16],
    pub(super) created: i64,
    pub(super) configs: Vec<(String, Vec<u8>)>,
    pub(super) devices: Vec<Device>,
}

/// Reads and checks it. Without a header nothing of the archive can be read: the error is the
/// reason; there is none when the input broke off for another one.
pub(super) fn read(input: &mut Stream, findings: &mut Findings) -> Result<Header, Option<Reason>> {
    let mut bytes = vec![0; FIXED_HEADER];
    let length = input.read(&mut bytes);
    let start = bytes.get(..length).unwrap_or_default();
    let is_cut = length < MAGIC.len() && MAGIC.starts_with(start);
    if !start.starts_with(&MAGIC) && !is_cut {
        return Err(Some(
            Reason::new(
                Finding::VmaMagic,
                "it does not begin with the magic number of VMA",
            )
            .at(Place::Decoded(0)),
        ));
    }
    if length < FIXED_HEADER {
        return Err(truncated(input));
    }
    let size = u64::from(be32(&bytes, at::HEADER_SIZE));
    if size <= wide(FIXED_HEADER) || size > LARGEST_HEADER {
        return Err(Some(
            Reason::new(
                Finding::VmaHeaderSize,
                format!("the header claims {size} bytes"),
            )
            .at(Place::Decoded(wide(at::HEADER_SIZE))),
        ));
    }
    let rest = size.saturating_sub(wide(FIXED_HEADER));
    input.take_into(rest, &mut bytes);
    if wide(bytes.len()) < size {
        return Err(truncated(input));
    }
    check(&bytes)?;
    Ok(parse(&bytes, findings)?)
}

fn truncated(input: &Stream) -> Option<Reason> {
    (!input.is_broken()).then(|| {
        let reached = input.position();
        Reason::new(
            Finding::VmaHeaderTruncated,
            format!("the archive ends inside its header, after {reached} bytes"),
        )
        .at(Place::Decoded(reached))
    })
}

fn check(bytes: &[u8]) -> Result<(), Reason> {
    let wanted: [u8; 16] = field(bytes, at::MD5);
    let end = at::MD5.saturating_add(16);
    let sum = Md5::new()
        .chain_update(bytes.get(..at::MD5).unwrap_or_default())
        .chain_update([0; 16])
        .chain_update(bytes.get(end..).unwrap_or_default())
        .finalize();
    if sum.as_slice() != wanted {
        return Err(Reason::new(
            Finding::VmaHeaderChecksum,
            "the header, with the configuration in it, has another MD5 than was written",
        )
        .at(Place::Decoded(0)));
    }
    let version = be32(bytes, at::VERSION);
    if version != VERSION {
        return Err(Reason::new(
            Finding::VmaVersion,
            format!("the version of the archive is {version}, not {VERSION}"),
        )
        .at(Place::Decoded(wide(at::VERSION))));
    }
    Ok(())
}

fn parse(bytes: &[u8], findings: &mut Findings) -> Result<Header, Reason> {
    let offset = usize::try_from(be32(bytes, at::BLOB_OFFSET)).unwrap_or(usize::MAX);
    let size = usize::try_from(be32(bytes, at::BLOB_SIZE)).unwrap_or(usize::MAX);
    let end = offset.saturating_add(size);
    let area = bytes.get(offset..end).filter(|_| offset >= FIXED_HEADER);
    let Some(area) = area else {
        return Err(Reason::new(
            Finding::VmaBlobArea,
            format!("the blobs lie from {offset} to {end}, outside of the header"),
        )
        .at(Place::Decoded(wide(at::BLOB_OFFSET))));
    };
    let blobs = Blobs::new(area);
    if let Some(overrun) = blobs.overrun {
        findings.push(
            Reason::new(
                Finding::VmaBlobOverrun,
                "a blob is longer than the room for blobs",
            )
            .at(Place::Decoded(wide(offset.saturating_add(overrun)))),
        );
    }
    let reserved = [
        (at::RESERVED, at::CONFIG_NAMES),
        (at::RESERVED_1, at::DEVICES),
        (FIXED_HEADER, offset),
        (end, bytes.len()),
    ];
    for (from, to) in reserved {
        let Some(place) = used(bytes.get(from..to).unwrap_or_default()) else {
            continue;
        };
        findings.push(
            Reason::new(
                Finding::VmaReserved,
                "a reserved byte of the header is not zero",
            )
            .at(Place::Decoded(wide(from.saturating_add(place)))),
        );
    }
    Ok(Header {
        uuid: field(bytes, at::UUID),
        created: i64::from_be_bytes(field(bytes, at::CREATED)),
        configs: configs(bytes, &blobs, findings)?,
        devices: devices(bytes, &blobs, findings),
    })
}

fn used(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte != 0)
}

fn configs(
    bytes: &[u8],
    blobs: &Blobs<'_>,
    findings: &mut Findings,
) -> Result<Vec<(String, Vec<u8>)>, Reason> {
    let mut configs: Vec<(String, Vec<u8>)> = Vec::new();
    for index in 0..CONFIGS {
        let step = index.saturating_mul(4);
        let name_at = at::CONFIG_NAMES.saturating_add(step);
        let place = Place::Decoded(wide(name_at));
        let name = be32(bytes, name_at);
        let data = be32(bytes, at::CONFIG_DATA.saturating_add(step));
        if name == 0 && data == 0 {
            continue;
        }
        if name == 0 || data == 0 {
            findings.push(
                Reason::new(
                    Finding::VmaConfigHalf,
                    format!("configuration file {index} has only one of name and data"),
                )
                .at(place),
            );
            continue;
        }
        let (Some(name), Some(data)) = (blobs.name(name), blobs.data(data)) else {
            return Err(Reason::new(
                Finding::VmaConfigPointer,
                format!("name or data of configuration file {index} points to no blob"),
            )
            .at(place));
        };
        let twice = configs.iter().any(|(known, _)| *known == name);
        if twice || name.contains('/') || name == ".." || name == "." {
            let what = if twice { "is there twice" } else { "is a path" };
            findings.push(
                Reason::new(
                    Finding::VmaConfigName,
                    format!(
                        "the name `{}` of a configuration file {what}",
                        name.escape_debug()
                    ),
                )
                .at(place),
            );
            continue;
        }
        configs.push((name, data.to_vec()));
    }
    Ok(configs)
}

fn devices(bytes: &[u8], blobs: &Blobs<'_>, findings: &mut Findings) -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::new();
    for index in 0..DEVICES {
        let at = at::DEVICES.saturating_add(index.saturating_mul(DEVICE_ENTRY));
        let place = Place::Decoded(wide(at));
        let entry: [u8; DEVICE_ENTRY] = field(bytes, at);
        let id = u8::try_from(index).unwrap_or(u8::MAX);
        let pointer = be32(&entry, 0);
        let size = be64(&entry, 8);
        if be32(&entry, 4) != 0 || be64(&entry, 16) != 0 || be64(&entry, 24) != 0 {
            findings.push(
                Reason::new(
                    Finding::VmaReserved,
                    format!("a reserved field of device {id} is not zero"),
                )
                .at(place),
            );
        }
        if size == 0 {
            if pointer != 0 {
                findings.push(
                    Reason::new(
                        Finding::VmaDeviceWithoutSize,
                        format!("device {id} has a name and no size"),
                    )
                    .at(place),
                );
            }
            continue;
        }
        let Some(name) = blobs.name(pointer) else {
            findings.push(
                Reason::new(
                    Finding::VmaDeviceName,
                    format!("device {id} has {size} bytes and no valid name"),
                )
                .at(place),
            );
            continue;
        };
        let problem = |id: Finding, text: String| Reason::new(id, text).at(place).on(name.as_str());
        if !DEVICE_IDS.contains(&id) {
            findings.push(problem(
                Finding::VmaDeviceId,
                format!("device {id} has an id that readers do not look at"),
            ));
        }
        if devices.iter().any(|known| known.name == name) {
            findings.push(problem(
                Finding::VmaDeviceName,
                format!("device {id} has the name of another"),
            ));
        }
        if name != VMSTATE && size.checked_rem(SECTOR) != Some(0) {
            findings.push(problem(
                Finding::VmaDeviceSize,
                format!("{size} bytes are no whole number of sectors"),
            ));
        }
        devices.push(Device { id, name, size });
    }
    devices
}

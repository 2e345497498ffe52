//! vzdump: the job, one guest after the other.

mod container;
mod machine;
pub(crate) mod options;
pub(crate) mod turn;

pub(crate) use container::{mount_path, totals};
pub(crate) use machine::{NO_BUS, short_size};

use std::path::PathBuf;

use jiff::Timestamp;

use crate::archive;
use crate::files::{self, Protection};
use crate::format::codec::Codec;
use crate::guest::{Guest, GuestKind};
use crate::prune::Keep;
use crate::state::HostKind;
use crate::storage::Storage;
use crate::task::worker::{Failure, Worker};
use options::Options;

/// Protected backups that a guest may have when the storage says nothing and its user may not
/// manage it.
const PROTECTED_BY_DEFAULT: i64 = 5;

/// Where a run writes to, and what stays there.
struct Target {
    storage: Storage,
    /// `/var/lib/vz/dump` and the folder that it is here.
    folder: String,
    local_folder: PathBuf,
    keep: Option<(String, Keep)>,
}

/// What a backup of one guest has at hand.
struct GuestRun<'run> {
    worker: &'run mut Worker,
    options: &'run Options,
    vmid: u32,
    guest: Guest,
    host: HostKind,
    /// The lines of the log beside the archive.
    lines: Vec<String>,
}

impl GuestRun<'_> {
    fn info(&mut self, text: &str) -> Result<(), Failure> {
        self.worker.say(format!("INFO: {text}"))?;
        self.keep_line("INFO", text);
        Ok(())
    }

    fn keep_line(&mut self, level: &str, text: &str) {
        let time = local_time(self.worker);
        self.lines.push(format!("{time} {level}: {text}\n"));
    }
}

/// The whole run.
///
/// # Errors
/// When the storage or the caller's rights do not allow it, or any guest fails.
pub(crate) fn run(worker: &mut Worker, options: &Options) -> Result<(), Failure> {
    let target = prepare(worker, options)?;
    let _turn = turn::wait(worker, options.lockwait)?;
    worker.say(format!(
        "INFO: starting new backup job: vzdump {}",
        options.command_line(&worker.node.name)
    ))?;
    let mut vmids = Vec::new();
    for vmid in &options.vmids {
        let allowed = {
            let state = worker.state();
            state.check(worker.owner(), &format!("/vms/{vmid}"), &["VM.Backup"])
        };
        match allowed {
            Ok(()) => vmids.push(*vmid),
            // Who asks for all gets what it may have, and is told nothing.
            Err(_) if options.all => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    let mut failed = false;
    for vmid in vmids {
        if let Err(failure) = one_guest(worker, options, &target, vmid) {
            let text = failure.text().trim_end();
            worker.note(format!("ERROR: Backup of VM {vmid} failed - {text}"));
            worker.note(format!("INFO: Failed at {}", local_time(worker)));
            failed = true;
        }
    }
    if failed {
        worker.note("INFO: Backup job finished with errors");
        return Err(Failure::new("job errors"));
    }
    worker.say("INFO: Backup job finished successfully")
}

fn prepare(worker: &Worker, options: &Options) -> Result<Target, Failure> {
    let state = worker.state();
    let id = &options.storage;
    let no_information = |text: String| {
        Failure::new(format!(
            "could not get storage information for '{id}': {text}"
        ))
    };
    let Some(storage) = state.storages.find(id) else {
        let text = format!("storage '{id}' does not exist");
        return Err(no_information(text.clone())
            .with_prefix(&format!("could not activate storage '{id}': {text}\n")));
    };
    files::activate(&worker.node, storage).map_err(|refusal| {
        Failure::from(refusal).with_prefix(&format!("could not activate storage '{id}': "))
    })?;
    if !storage.holds("backup") {
        return Err(no_information(format!(
            "can't use storage '{id}' for backups - wrong content type"
        )));
    }
    let own = options.dumpdir.clone();
    let folder = own.or_else(|| Some(format!("{}/dump", storage.path()?)));
    let folder =
        folder.ok_or_else(|| Failure::new(format!("the lab cannot write to storage '{id}'")))?;
    let keep = options
        .keep
        .as_deref()
        .or_else(|| storage.option("prune-backups"));
    let keep = keep
        .map(|text| {
            options::read_keep(worker.node.schema, text)
                .map(|keep| (options::sorted_keep(text), keep))
        })
        .transpose()?;
    Ok(Target {
        storage: storage.clone(),
        local_folder: worker.node.local(&folder),
        folder,
        keep,
    })
}

fn one_guest(
    worker: &mut Worker,
    options: &Options,
    target: &Target,
    vmid: u32,
) -> Result<(), Failure> {
    let (guest, host) = {
        let state = worker.state();
        let missing = || Failure::new(format!("unable to find VM '{vmid}'"));
        let guest = state.guests.get(&vmid).cloned().ok_or_else(missing)?;
        (guest, state.host)
    };
    check_limits(worker, options, target, &guest, vmid)?;
    let kind = guest.kind;
    let began = worker.node.clock.now();
    if host == HostKind::Sandbox && kind == GuestKind::Lxc {
        let pid = worker.upid.pid;
        worker.say(format!("INFO: filesystem type on dumpdir is 'overlay' -using /var/tmp/vzdumptmp{pid}_{vmid} for temporary files"))?;
    }
    let stamp = Timestamp::from_second(began)
        .unwrap_or_default()
        .to_zoned(worker.node.zone.clone())
        .strftime("%Y_%m_%d-%H_%M_%S")
        .to_string();
    let stem = format!("vzdump-{}-{vmid}-{stamp}", kind.as_str());
    let mut run = GuestRun {
        worker,
        options,
        vmid,
        guest,
        host,
        lines: Vec::new(),
    };
    let result = save(&mut run, target, &stem);
    if let Err(failure) = &result {
        let text = failure.text().trim_end().to_owned();
        run.keep_line("ERROR", &format!("Backup of VM {vmid} failed - {text}"));
    }
    let lines = run.lines.concat();
    let log = target.local_folder.join(format!("{stem}.log"));
    std::fs::write(&log, lines)?;
    result?;
    let seconds = worker.node.clock.now() - began;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let time = format!("{hours:02}:{minutes:02}:{:02}", seconds % 60);
    worker.say(format!("INFO: Finished Backup of VM {vmid} ({time})"))?;
    let now = local_time(worker);
    worker.say(format!("INFO: Backup finished at {now}"))
}

fn check_limits(
    worker: &Worker,
    options: &Options,
    target: &Target,
    guest: &Guest,
    vmid: u32,
) -> Result<(), Failure> {
    let present = files::archives(&worker.node, &target.storage, &worker.node.zone);
    let count = |protected: bool| {
        let own = present.iter().filter(|archive| {
            archive.name.vmid == Some(vmid)
                && archive.name.subtype == guest.kind.as_str()
                && archive.name.is_standard()
                && archive.protected == protected
        });
        u64::try_from(own.count()).unwrap_or(u64::MAX)
    };
    let id = &target.storage.id;
    if options.protected {
        let own = target.storage.option("max-protected-backups");
        let manages = worker.state().holds_any(
            worker.owner(),
            &format!("/storage/{id}"),
            &["Datastore.Allocate"],
        );
        let default = if manages { -1 } else { PROTECTED_BY_DEFAULT };
        let limit = own.and_then(|text| text.parse().ok()).unwrap_or(default);
        if u64::try_from(limit).is_ok_and(|limit| count(true) >= limit) {
            return Err(Failure::new(format!(
                "The number of protected backups per guest is limited to {limit} on storage '{id}'"
            )));
        }
        return Ok(());
    }
    let limit = target.keep.as_ref().map_or(0, |(_, keep)| keep.total());
    if !options.remove && limit > 0 && count(false) >= limit {
        return Err(Failure::new(format!(
            "There is a max backup limit of {limit} enforced by the target storage or the vzdump parameters. Either increase the limit or delete old backups."
        )));
    }
    Ok(())
}

fn save(run: &mut GuestRun<'_>, target: &Target, stem: &str) -> Result<(), Failure> {
    let (vmid, kind) = (run.vmid, run.guest.kind);
    run.info(&format!("Starting Backup of VM {vmid} ({})", kind.as_str()))?;
    let now = local_time(run.worker);
    run.worker.say(format!("INFO: Backup started at {now}"))?;
    let status = if run.guest.running {
        "running"
    } else {
        "stopped"
    };
    run.info(&format!("status = {status}"))?;
    if let Some(lock) = run.guest.lock() {
        let word = if kind == GuestKind::Qemu { "VM" } else { "CT" };
        return Err(Failure::new(format!("{word} is locked ({lock})")));
    }
    let mode = if run.guest.running {
        run.options.mode.clone()
    } else {
        "stop".to_owned()
    };
    run.info(&format!("backup mode: {mode}"))?;
    if run.options.bwlimit > 0 {
        let limit = run.options.bwlimit;
        run.info(&format!("bandwidth limit: {limit} KiB/s"))?;
    }
    run.info(&format!("ionice priority: {}", run.options.ionice))?;
    let ending = if kind == GuestKind::Qemu {
        "vma"
    } else {
        "tar"
    };
    let codec = run.options.codec;
    let name = format!("{stem}.{ending}{}", codec.ending());
    let file = target.local_folder.join(&name);
    lock(run, Some("backup"));
    let shown = format!("{}/{name}", target.folder);
    let written = match kind {
        GuestKind::Qemu => machine::save(run, &file, &shown),
        GuestKind::Lxc => container::save(run, &file, &shown, &mode),
    };
    lock(run, None);
    written?;
    let size = std::fs::metadata(&file)?.len();
    run.info(&format!("archive file size: {}", human(size)))?;
    let notes = run.options.notes(
        run.guest.name().unwrap_or_default(),
        vmid,
        &run.worker.node.name,
    );
    if let Some(notes) = notes {
        run.info("adding notes to backup")?;
        files::set_notes(&file, &notes)?;
    }
    if run.options.protected {
        run.info("marking backup as protected")?;
        files::set_protected(&file, Protection::On)?;
    }
    prune(run, target)
}

fn prune(run: &mut GuestRun<'_>, target: &Target) -> Result<(), Failure> {
    let Some((text, keep)) = target.keep.as_ref().filter(|_| run.options.remove) else {
        return Ok(());
    };
    if keep.total() == 0 {
        return Ok(());
    }
    run.info(&format!("prune older backups with retention: {text}"))?;
    let wanted = crate::api::Wanted {
        keep: None,
        vmid: Some(run.vmid),
        kind: Some(run.guest.kind.as_str().to_owned()),
    };
    let removed = crate::api::remove(run.worker, &target.storage, keep, &wanted, "INFO: ")?;
    let rest = if removed > 0 {
        " not covered by keep-retention policy"
    } else {
        ""
    };
    run.info(&format!("pruned {removed} backup(s){rest}"))
}

fn lock(run: &GuestRun<'_>, lock: Option<&str>) {
    if let Some(guest) = run.worker.state().guests.get_mut(&run.vmid) {
        match lock {
            Some(lock) => guest.config.insert("lock".to_owned(), lock.to_owned()),
            None => guest.config.remove("lock"),
        };
    }
}

/// Writes through a file that gets its name only when it is complete.
fn write_archive<T>(
    run: &GuestRun<'_>,
    target: &std::path::Path,
    fill: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<T>,
) -> Result<T, Failure> {
    let name = target.file_name().and_then(|name| name.to_str());
    let name = name.unwrap_or_default();
    let codec = run.options.codec;
    // The last ending gives way to `.dat`.
    let partial = match codec {
        Codec::None => format!("{}.dat", archive::stem(name)),
        _ => format!("{}.dat", name.strip_suffix(codec.ending()).unwrap_or(name)),
    };
    let partial = target.with_file_name(partial);
    let result = codec.write(&partial, fill);
    // A full disk shows when the data are on their way.
    if run.worker.is_disk_full() {
        std::fs::remove_file(&partial)?;
        return Err(Failure::new(disk_full(codec)));
    }
    match result {
        Ok(result) => {
            std::fs::rename(&partial, target)?;
            Ok(result)
        }
        Err(error) => {
            // What was written so far is no archive.
            let _absent = std::fs::remove_file(&partial);
            Err(error.into())
        }
    }
}

// Not recorded: composed from what the programs say.
fn disk_full(codec: Codec) -> &'static str {
    match codec {
        Codec::Zstd => {
            "zstd: error 70 : Write error : cannot write block : No space left on device"
        }
        Codec::Gzip => "gzip: stdout: No space left on device",
        Codec::Lzo => "lzop: No space left on device: <stdout>",
        _ => "write error: No space left on device",
    }
}

fn local_time(worker: &Worker) -> String {
    Timestamp::from_second(worker.node.clock.now())
        .unwrap_or_default()
        .to_zoned(worker.node.zone.clone())
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string()
}

// PVE cuts here, it does not round, and writes gibibytes with two digits.
fn human(bytes: u64) -> String {
    if bytes >= 1 << 30 {
        let hundredths = bytes * 100 / (1 << 30);
        return format!("{}.{:02}GB", hundredths / 100, hundredths % 100);
    }
    if bytes >= 1 << 20 {
        return format!("{}MB", bytes >> 20);
    }
    format!("{}KB", bytes >> 10)
}

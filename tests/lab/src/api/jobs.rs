//! `/cluster/backup`: the jobs, with everything that PVE does to them on the way.

use serde_json::Value;

use crate::call::Call;
use crate::http::envelope::Reply;
use crate::http::tls;
use crate::job::{Job, Options};
use crate::parameters::{Parameter, Parameters, split_list};
use crate::refusal::Refusal;
use crate::schema::{Schema, property_string};
use crate::template::check_notes_template;

const ROOT_ONLY: [&str; 4] = ["tmpdir", "dumpdir", "script", "job-id"];
const NEED_SYS_MODIFY: [&str; 3] = ["bwlimit", "ionice", "performance"];
/// What `delete` may not name although jobs have it.
const NOT_DELETABLE: [&str; 5] = ["dow", "enabled", "id", "schedule", "starttime"];

pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let schema = call.node.schema;
    let jobs: Vec<Value> = call
        .state
        .jobs
        .readable()
        .map(|job| {
            let mut json = job.to_json(schema);
            let next = job
                .event()
                .and_then(|event| event.next_after(call.now, &call.node.zone));
            if let (Some(next), Some(object)) = (next, json.as_object_mut()) {
                object.insert("next-run".to_owned(), next.into());
            }
            json
        })
        .collect();
    Ok(Value::from(jobs).into())
}

pub(super) fn get(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(find(call)?.to_json(call.node.schema).into())
}

/// The job that the path names.
///
/// # Errors
/// 400 when there is none.
pub(super) fn find<'call>(call: &'call Call<'_>) -> Result<&'call Job, Refusal> {
    let id = call.required("id");
    let missing = || Refusal::parameter("id", format!("No such job '{id}'"));
    call.state.jobs.find(id).ok_or_else(missing)
}

pub(super) fn create(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut parameters = std::mem::take(&mut call.parameters);
    check_common(call, &parameters)?;
    if !parameters.contains("dumpdir") {
        check_storage(call, parameters.text("storage"))?;
    }
    check_pool(call, &parameters)?;
    settle_schedule(&mut parameters, true)?;
    let id = match parameters.remove("id") {
        Some(Parameter::Text(id)) => id,
        _ => tls::random_uuid().map_err(|error| Refusal::failure(error.to_string()))?,
    };
    if !parameters.contains("enabled") {
        parameters.set("enabled", Parameter::Text("1".to_owned()));
    }
    if call.state.jobs.find(&id).is_some() {
        return Err(Refusal::failure(format!("Job '{id}' already exists")));
    }
    let mut options = collect(&parameters);
    verify(&mut options)?;
    check_selection(&options)?;
    store(call, Job { id, options })
}

pub(super) fn update(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut parameters = std::mem::take(&mut call.parameters);
    let id = text_of(parameters.remove("id"));
    let delete = text_of(parameters.remove("delete"));
    let delete: Vec<&str> = split_list(&delete).collect();
    check_common(call, &parameters)?;
    if let Some(name) = delete
        .iter()
        .find(|name| ROOT_ONLY.contains(name) && !call.identity.is_root())
    {
        return Err(Refusal::parameter(name, "Only root may set this option."));
    }
    if parameters.contains("storage") || delete.contains(&"storage") {
        check_storage(call, parameters.text("storage"))?;
    }
    check_pool(call, &parameters)?;
    settle_schedule(&mut parameters, false)?;
    if parameters.is_empty() && delete.is_empty() {
        return Err(Refusal::failure("no options specified"));
    }
    let mut changes = collect(&parameters);
    verify(&mut changes)?;

    let missing = || Refusal::failure("no such vzdump job");
    let job = call.state.jobs.find(&id).ok_or_else(missing)?;
    check_present(call, job).map_err(Refusal::in_lock)?;
    let mut options = job.options.clone();
    for name in &delete {
        if !is_deletable(call.node.schema, name) {
            return Err(Refusal::parameter_in_lock(
                "delete",
                &format!("unknown option '{name}'"),
            ));
        }
        options.remove(*name);
    }
    select(&mut options, &changes);
    options.extend(changes);
    verify(&mut options)?;
    check_selection(&options)?;
    store(call, Job { id, options })
}

pub(super) fn delete(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.required("id").to_owned();
    if call.state.jobs.find(&id).is_none() {
        return Err(Refusal::parameter_in_lock(
            "id",
            &format!("No such job '{id}'"),
        ));
    }
    check_poison(call, &id)?;
    call.state.jobs.remove(&id);
    Ok(Value::Null.into())
}

fn text_of(parameter: Option<Parameter>) -> String {
    match parameter {
        Some(Parameter::Text(text)) => text,
        _ => String::new(),
    }
}

// The file of jobs has one line an option: blanks at the ends of a value do not survive it.
fn collect(parameters: &Parameters) -> Options {
    let trimmed = |value: &Parameter| match value {
        Parameter::Text(text) => Parameter::Text(text.trim_matches([' ', '\t']).to_owned()),
        other => other.clone(),
    };
    parameters
        .iter()
        .map(|(name, value)| (name.to_owned(), trimmed(value)))
        .collect()
}

fn text<'options>(options: &'options Options, name: &str) -> Option<&'options str> {
    options.get(name).and_then(Parameter::as_text)
}

fn is_true(options: &Options, name: &str) -> bool {
    text(options, name) == Some("1")
}

fn is_filled(options: &Options, name: &str) -> bool {
    text(options, name).is_some_and(|text| !text.is_empty() && text != "0")
}

// What only root may set, and what needs more than the right to write jobs.
fn check_common(call: &Call<'_>, parameters: &Parameters) -> Result<(), Refusal> {
    if call.identity.is_root() {
        return Ok(());
    }
    if let Some(name) = ROOT_ONLY.iter().find(|name| parameters.contains(name)) {
        return Err(Refusal::parameter(name, "Only root may set this option."));
    }
    if NEED_SYS_MODIFY.iter().any(|name| parameters.contains(name)) {
        call.check("/", &["Sys.Modify"])?;
    }
    let Some(fleecing) = parameters.text("fleecing") else {
        return Ok(());
    };
    let schema = call.node.schema;
    let Some(keys) = schema.property_string("backup-fleecing") else {
        return Ok(());
    };
    let values = property_string::parse(schema, keys, fleecing, "fleecing").unwrap_or_default();
    match values.get("storage") {
        Some(storage) => call.check(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"]),
        None => Ok(()),
    }
}

fn check_storage(call: &Call<'_>, storage: Option<&str>) -> Result<(), Refusal> {
    let storage = storage.unwrap_or("local");
    call.check(&format!("/storage/{storage}"), &["Datastore.Allocate"])
}

// The job as it stands must be one that the sender could have written.
fn check_present(call: &Call<'_>, job: &Job) -> Result<(), Refusal> {
    if call.identity.is_root() {
        return Ok(());
    }
    if job.options.contains_key("dumpdir") {
        return Err(Refusal::failure(
            "only root@pam may edit jobs with a 'dumpdir' option.",
        ));
    }
    check_storage(call, job.text("storage"))
}

fn check_pool(call: &Call<'_>, parameters: &Parameters) -> Result<(), Refusal> {
    let Some(pool) = parameters.text("pool").filter(|pool| !pool.is_empty()) else {
        return Ok(());
    };
    if !call.state.pools.contains_key(pool) {
        return Err(Refusal::forbidden(&format!("pool '{pool}' does not exist")));
    }
    call.check(&format!("/pool/{pool}"), &["VM.Backup"])
}

// `starttime` and `dow` become a schedule, which nobody checks again.
fn settle_schedule(parameters: &mut Parameters, create: bool) -> Result<(), Refusal> {
    let start = parameters.remove("starttime");
    let days = parameters.remove("dow");
    match (start, parameters.contains("schedule")) {
        (Some(_), true) => {
            let text = "'starttime' and 'schedule' cannot both be set";
            Err(Refusal::parameter("starttime", text))
        }
        (None, false) if create => {
            let text = "neither 'starttime' nor 'schedule' were set";
            Err(Refusal::parameter("schedule", text))
        }
        (Some(start), false) => {
            let start = text_of(Some(start));
            let schedule = match days {
                Some(days) => format!("{} {start}", text_of(Some(days))),
                None => start,
            };
            parameters.set("schedule", Parameter::Text(schedule));
            Ok(())
        }
        (None, _) => {
            if let Some(schedule) = parameters
                .text("schedule")
                .map(|text| text.trim().to_owned())
            {
                parameters.set("schedule", Parameter::Text(schedule));
            }
            Ok(())
        }
    }
}

// Conflicts and what follows from options; inside the lock, so all of it is wrapped in 500.
fn verify(options: &mut Options) -> Result<(), Refusal> {
    let conflict = |name: &str, other: &str| {
        Err(Refusal::parameter_in_lock(
            name,
            &format!("option conflicts with option '{other}'"),
        ))
    };
    let vmid = is_filled(options, "vmid");
    if is_true(options, "all") && vmid {
        return conflict("all", "vmid");
    }
    if is_filled(options, "exclude") && vmid {
        return conflict("exclude", "vmid");
    }
    if is_filled(options, "pool") && vmid {
        return conflict("pool", "vmid");
    }
    if options.contains_key("maxfiles") && options.contains_key("prune-backups") {
        return conflict("prune-backups", "maxfiles");
    }
    if let Some(Parameter::Text(count)) = options.remove("maxfiles") {
        let keep = Parameter::Text(format!("keep-last={count}"));
        options.insert("prune-backups".to_owned(), keep);
    }
    if let Some(template) = text(options, "notes-template")
        && let Err(error) = check_notes_template(template)
    {
        return Err(Refusal::parameter_in_lock(
            "notes-template",
            &format!("{error}\n"),
        ));
    }
    if options.contains_key("exclude") && !options.contains_key("pool") {
        options.insert("all".to_owned(), Parameter::Text("1".to_owned()));
    }
    Ok(())
}

fn check_selection(options: &Options) -> Result<(), Refusal> {
    let selects = is_true(options, "all")
        || is_true(options, "stop")
        || is_filled(options, "vmid")
        || is_filled(options, "pool");
    if selects {
        return Ok(());
    }
    Err(Refusal::parameter_in_lock("vmid", "property is missing"))
}

// A new selection replaces the old one, silently.
fn select(options: &mut Options, changes: &Options) {
    let gone: &[&str] = if changes.contains_key("vmid") {
        &["all", "exclude", "pool"]
    } else if is_true(changes, "all") {
        &["vmid", "pool"]
    } else if changes.contains_key("pool") {
        &["vmid", "all", "exclude"]
    } else {
        &[]
    };
    for name in gone {
        options.remove(*name);
    }
}

fn is_deletable(schema: &Schema, name: &str) -> bool {
    let known = schema
        .endpoint("POST /cluster/backup")
        .is_some_and(|endpoint| endpoint.properties().contains_key(name));
    known && !NOT_DELETABLE.contains(&name)
}

fn check_poison(call: &Call<'_>, id: &str) -> Result<(), Refusal> {
    if call.state.jobs.is_poisoned_beside(id) {
        return Err(Refusal::failure("unknown section type ''"));
    }
    Ok(())
}

fn store(call: &mut Call<'_>, job: Job) -> Result<Reply, Refusal> {
    let feeds = job
        .options
        .values()
        .filter_map(Parameter::as_text)
        .any(|text| text.contains('\n'));
    if feeds {
        return Err(Refusal::failure("property contains a line feed"));
    }
    check_poison(call, &job.id)?;
    call.state.jobs.put(job);
    Ok(Value::Null.into())
}

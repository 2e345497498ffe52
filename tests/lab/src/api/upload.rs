//! Uploads of templates and images.

use std::fs;

use crate::call::Call;
use crate::files;
use crate::http::envelope::Reply;
use crate::refusal::Refusal;
use crate::task::worker::Failure;

pub(super) fn start(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let storage = call.state.storages.get(call.required("storage"))?.clone();
    let content = call.required("content").to_owned();
    if !storage.holds(&content) {
        let text = format!(
            "storage '{}' does not support '{content}' content",
            storage.id
        );
        return Err(Refusal::failure(text));
    }
    files::activate(call.node, &storage)?;
    // A path in the name is dropped, other letters become underscores.
    let name = call.required("filename");
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    let name: String = name
        .chars()
        .map(|letter| if plain(letter) { letter } else { '_' })
        .collect();
    let lower = name.to_ascii_lowercase();
    let known: &[&str] = match content.as_str() {
        "iso" => &[".iso", ".img"],
        "vztmpl" => &[".tar.gz", ".tar.xz", ".tar.zst"],
        _ => &[".ova", ".ovf", ".qcow2", ".raw", ".vmdk"],
    };
    if !known.iter().any(|ending| lower.ends_with(ending)) {
        let text = "wrong file extension";
        return Err(Refusal::parameter("filename", text));
    }
    let uploaded = call.parameters.text("tmpfilename").map(str::to_owned);
    let uploaded = uploaded.ok_or_else(|| Refusal::failure("missing temporary file"))?;
    let source = call.node.local(&uploaded);
    let folder = files::folder(call.node, &storage, &content)
        .ok_or_else(|| Refusal::failure(format!("the lab has no folder for '{content}'")))?;
    let shown = format!(
        "{}/{}/{name}",
        storage.path().unwrap_or_default(),
        match content.as_str() {
            "iso" => "template/iso",
            "vztmpl" => "template/cache",
            _ => "import",
        }
    );
    let node = call.node.name.clone();
    Ok(call.start_task("imgcopy", "", move |worker| {
        worker.say(format!("starting file import from: {uploaded}"))?;
        worker.say(format!("target node: {node}"))?;
        worker.say(format!("target file: {shown}"))?;
        let size = fs::metadata(&source)?.len();
        worker.say(format!("file size is: {size} B"))?;
        if worker.is_disk_full() {
            fs::remove_file(&source)?;
            let text =
                format!("import failed: cp: error writing '{shown}': No space left on device");
            return Err(Failure::new(text));
        }
        worker.say(format!("command: cp -- {uploaded} {shown}"))?;
        fs::copy(&source, folder.join(&name))?;
        fs::remove_file(&source)?;
        worker.say("finished file import successfully")
    }))
}

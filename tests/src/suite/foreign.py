# Copyright: (c) 2026, The Reprise contributors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a script of somebody else does with a server: called with its description on standard input."""

import io
import json
import sys

from proxmoxer import ProxmoxAPI
from proxmoxer.core import ResourceException
from proxmoxer.tools import Tasks

given = json.load(sys.stdin)
node, storage, ct, vm, job = (given[name] for name in ("node", "storage", "ct", "vm", "job"))


def connect(login):
    return ProxmoxAPI(given["host"], port=given["port"], verify_ssl=given["ca"], timeout=60, **login)


def check(what, held, found=None):
    if not held:
        sys.exit(f"{what} does not hold: {found!r}")
    print(what)


def end_of(upid):
    status = Tasks.blocking_status(pve, upid, timeout=120, polling_interval=0.3)
    return status["exitstatus"] if status else "no end"


def refused(what, status, text, call):
    try:
        found = call()
    except ResourceException as error:
        said = f"{error.status_code} {error.status_message} {error.content} {error.errors}"
        check(what, error.status_code == status and text in said, said)
    else:
        check(what, False, found)


for way in ("password", "token"):
    pve = connect(given[way])
    version = pve.version.get()
    check(f"the version by {way}", version["version"].startswith(version["release"]), version)

nodes = [entry["node"] for entry in pve.nodes.get() if entry["status"] == "online"]
check("the nodes", node in nodes, nodes)
guests = {entry["vmid"]: entry["type"] for entry in pve.cluster.resources.get(type="vm")}
check("the guests", guests.get(ct) == "lxc" and guests.get(vm) == "qemu", guests)
held = pve.access.permissions.get(path="/")
check("the permissions", held["/"].get("Sys.Modify") == 1, held)

pve.cluster.backup.post(id=job, schedule="sun 01:00", vmid=[ct, vm], storage=storage, enabled=0)
jobs = {entry["id"]: entry for entry in pve.cluster.backup.get()}
check("a job is made", jobs[job]["vmid"] == f"{ct},{vm}" and jobs[job]["enabled"] == 0, jobs.get(job))
pve.cluster.backup(job).put(**{"prune-backups": "keep-daily=7,keep-weekly=4", "comment": "by a test"})
found = pve.cluster.backup(job).get()
kept = {name: int(value) for name, value in found["prune-backups"].items()}
check("a job is changed", kept == {"keep-daily": 7, "keep-weekly": 4}, found)
volumes = pve.cluster.backup(job).included_volumes.get()
check("what a job saves", {entry["id"] for entry in volumes["children"]} == {ct, vm}, volumes)
refused("a job twice is refused", 500, "already exists", lambda: pve.cluster.backup.post(id=job, schedule="daily", all=1))
refused("a wrong schedule is refused", 400, "invalid calendar event", lambda: pve.cluster.backup(job).put(schedule="never"))
pve.cluster.backup(job).delete()
refused("a job that is gone is refused", 400, "No such job", lambda: pve.cluster.backup(job).get())

content = pve.nodes(node).storage(storage).content
before = {entry["volid"] for entry in content.get(content="backup")}
keep = {"prune-backups": "keep-all=1", "notes-template": "{{guestname}} by hand"}
upid = pve.nodes(node).vzdump.post(vmid=ct, storage=storage, mode="stop", compress="zstd", **keep)
check("the name of a task is read", Tasks.decode_upid(upid)["type"] == "vzdump", upid)
check("a backup is made", end_of(upid) == "OK", end_of(upid))
lines = Tasks.decode_log(pve.nodes(node).tasks(upid).log.get(limit=0))
check("the log of a task", "creating vzdump archive" in lines and "TASK OK" in lines, lines)
made = [entry for entry in content.get(content="backup", vmid=ct) if entry["volid"] not in before]
check("the archive is listed", len(made) == 1 and made[0]["size"] > 0 and made[0]["notes"].endswith("by hand"), made)
volume = made[0]["volid"]
marks = {entry["volid"]: entry["mark"] for entry in pve.nodes(node).storage(storage).prunebackups.get(**{"vmid": ct, "prune-backups": "keep-last=1"})}
check("what pruning would do", marks[volume] == "keep" and set(marks) >= {volume}, marks)
content(volume).put(protected=1, notes="kept")
info = content(volume).get()
check("notes and protection are set", (info["notes"], int(info["protected"])) == ("kept", 1), info)
check("a protected archive stays", "protected" in end_of(content(volume).delete()))
content(volume).put(protected=0)
check("the archive is removed", end_of(content(volume).delete()) == "OK")
left = {entry["volid"] for entry in content.get(content="backup")}
check("nothing else is", left == before, left ^ before)

snapshots = pve.nodes(node).qemu(vm).snapshot
check("a snapshot is made", end_of(snapshots.post(snapname="library", description="by a test")) == "OK")
names = [entry["name"] for entry in snapshots.get()]
check("snapshots are listed", names == ["library", "current"], names)
check("a snapshot twice is refused", "already used" in end_of(snapshots.post(snapname="library")))
check("a snapshot is rolled back to", end_of(snapshots("library").rollback.post()) == "OK")
check("a snapshot is removed", end_of(snapshots("library").delete()) == "OK")

templates = [entry["storage"] for entry in pve.nodes(node).storage.get(content="vztmpl", enabled=1)]
check("storages by their content", bool(templates), templates)
file = io.BytesIO(b"no template\n")
file.name = f"{job}.tar.gz"
target = pve.nodes(node).storage(templates[0])
check("a file is uploaded", end_of(target.upload.create(content="vztmpl", filename=file)) == "OK")
uploaded = f"{templates[0]}:vztmpl/{file.name}"
found = {entry["volid"]: entry["size"] for entry in target.content.get(content="vztmpl")}
check("the file is listed", found.get(uploaded) == 12, found)
check("the file is removed", end_of(target.content(uploaded).delete()) == "OK")
tasks = [entry["upid"] for entry in pve.nodes(node).tasks.get(typefilter="vzdump", vmid=ct)]
check("tasks are listed", upid in tasks, tasks)
refused("a guest that is not there", 500, "does not exist", lambda: pve.nodes(node).qemu(999999).config.get())
print("all of it holds")

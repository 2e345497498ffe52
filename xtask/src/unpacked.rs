//! Debian packages that are unpacked below `target/tools/root` instead of installed, because
//! installing them would start a service or change how the machine runs programs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::program::Program;
use crate::workspace::Workspace;
use crate::{apt, environment, files};

/// The emulator that runs the aarch64 binary, called by its path: installing its package would
/// register it with the kernel for all programs.
pub(crate) fn qemu_aarch64(workspace: &Workspace) -> Result<PathBuf> {
    let name = "qemu-aarch64-static";
    if let Some(installed) = environment::find_program(name) {
        return Ok(installed);
    }
    let root = tools_root(workspace);
    let path = root.join("usr/bin").join(name);
    if !path.exists() {
        unpack(workspace, "qemu-user-static")?;
    }
    if !path.exists() {
        // Newer releases of Debian keep only links in that package.
        unpack(workspace, "qemu-user")?;
    }
    existing(path)
}

/// Prometheus's checker of metrics. Installing its package would start the server.
pub(crate) fn promtool(workspace: &Workspace) -> Result<PathBuf> {
    let name = "promtool";
    if let Some(installed) = environment::find_program(name) {
        return Ok(installed);
    }
    let path = tools_root(workspace).join("usr/bin").join(name);
    if !path.exists() {
        unpack(workspace, "prometheus")?;
    }
    existing(path)
}

/// An OpenSSH server for tests that start their own, as a script that finds its libraries and
/// helpers. It is started by the tests on a loopback port with their own configuration.
pub(crate) fn sshd(workspace: &Workspace) -> Result<PathBuf> {
    let script = workspace.target("tools/bin/sshd");
    if let Some(installed) = environment::find_program("sshd") {
        return Ok(installed);
    }
    let root = tools_root(workspace);
    let server = root.join("usr/sbin/sshd");
    if !server.exists() {
        unpack(workspace, "openssh-server")?;
    }
    let users = nameless_user_stand_in(workspace, &root)?;
    let mut programs = vec![server.clone()];
    programs.extend(HELPERS.map(|(_, name)| helper(&root, name)));
    programs.retain(|program| program.exists());
    unpack_missing_libraries(workspace, &programs, "openssh-server")?;
    let libraries = library_path(&root)?;
    files::write(
        &script,
        sshd_script(&root, &server, &libraries, users.as_deref()),
    )?;
    files::set_mode(&script, 0o755)?;
    existing(script)
}

/// Where unpacked packages lie.
fn tools_root(workspace: &Workspace) -> PathBuf {
    workspace.target("tools/root")
}

fn existing(path: PathBuf) -> Result<PathBuf> {
    if path.exists() {
        return Ok(path);
    }
    bail!(
        "{} is not there although its package was unpacked",
        path.display()
    )
}

/// Downloads a package and unpacks it; nothing of it runs.
fn unpack(workspace: &Workspace, package: &str) -> Result<()> {
    if !apt::has_lists() {
        bail!(
            "this machine has no Debian package lists; run `apt-get update` as root, then try again"
        );
    }
    let folder = workspace.target("tools/packages").join(package);
    files::make_empty_folder(&folder)?;
    println!(
        "unpacking {package} below {}",
        tools_root(workspace).display()
    );
    Program::new("apt-get")
        .args(["download", package])
        .directory(&folder)
        .next("when the package is not found, run `apt-get update` as root and try again")
        .output()?;
    for file in files::entries(&folder)? {
        Program::new("dpkg")
            .arg("-x")
            .arg(file)
            .arg(tools_root(workspace))
            .output()?;
    }
    Ok(())
}

/// Every folder of the unpacked root that holds libraries.
fn library_path(root: &Path) -> Result<String> {
    let mut folders = Vec::new();
    for base in ["lib", "usr/lib"] {
        let base = root.join(base);
        if base.is_dir() {
            let inner = files::entries(&base)?;
            for folder in inner {
                if files::name(&folder).ends_with("-linux-gnu") {
                    // What only systemd's own programs share lies below.
                    let of_systemd = folder.join("systemd");
                    folders.push(folder);
                    folders.extend(Some(of_systemd).filter(|folder| folder.is_dir()));
                }
            }
        }
    }
    let folders: Vec<_> = folders.iter().map(|path| path.to_string_lossy()).collect();
    Ok(folders.join(":"))
}

/// Unpacks the libraries that programs lack: those direct dependencies of their package that
/// are libraries and are not installed.
fn unpack_missing_libraries(
    workspace: &Workspace,
    programs: &[PathBuf],
    package: &str,
) -> Result<()> {
    if missing_libraries(workspace, programs)?.is_empty() {
        return Ok(());
    }
    let depends = Program::new("apt-cache")
        .args(["depends", package])
        .output()?;
    for line in depends.lines() {
        let Some(name) = line.trim().strip_prefix("Depends: ") else {
            continue;
        };
        let installed = Program::new("dpkg-query").args(["--show", name]).succeeds();
        if name.starts_with("lib") && !installed {
            unpack(workspace, name)?;
        }
    }
    let missing = missing_libraries(workspace, programs)?;
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "{package} was unpacked, but lacks {}; no package that it names brings them",
        missing.join(", ")
    )
}

fn missing_libraries(workspace: &Workspace, programs: &[PathBuf]) -> Result<Vec<String>> {
    let libraries = library_path(&tools_root(workspace))?;
    let mut missing = Vec::new();
    for program in programs {
        let listed = Program::new("ldd")
            .arg(program)
            .env("LD_LIBRARY_PATH", &libraries)
            .output()?;
        let names = listed
            .lines()
            .filter(|line| line.contains("not found"))
            .filter_map(|line| line.split_whitespace().next());
        missing.extend(names.map(str::to_owned));
    }
    Ok(missing)
}

/// OpenSSH's server of sftp, which hosts of the lab start for a login.
pub(crate) fn sftp_server(workspace: &Workspace) -> Result<PathBuf> {
    let usual = [
        "/usr/lib/openssh/sftp-server",
        "/usr/libexec/openssh/sftp-server",
        "/usr/lib/ssh/sftp-server",
    ];
    if let Some(installed) = usual
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.is_file())
    {
        return Ok(installed);
    }
    let path = tools_root(workspace).join("usr/lib/openssh/sftp-server");
    if !path.exists() {
        unpack(workspace, "openssh-sftp-server")?;
    }
    existing(path)
}

/// systemd's checker of units, as a script that finds its libraries. It asks no running systemd.
pub(crate) fn systemd_analyze(workspace: &Workspace) -> Result<PathBuf> {
    let name = "systemd-analyze";
    if let Some(installed) = environment::find_program(name) {
        return Ok(installed);
    }
    let root = tools_root(workspace);
    let program = root.join("usr/bin").join(name);
    if !program.exists() {
        unpack(workspace, "systemd")?;
        unpack(workspace, "libsystemd-shared")?;
    }
    unpack_missing_libraries(workspace, std::slice::from_ref(&program), "systemd")?;
    let script = workspace.target("tools/bin").join(name);
    files::write(
        &script,
        format!(
            "#!/bin/sh\n# Made by `cargo xtask setup`.\nexport LD_LIBRARY_PATH='{}'\nexec '{}' \"$@\"\n",
            library_path(&root)?,
            program.display()
        ),
    )?;
    files::set_mode(&script, 0o755)?;
    existing(script)
}

/// A server that runs as root insists on the user `sshd`, which the package's installation
/// would have made. Where there is none, a list of users with it stands in for the system's,
/// for this program alone.
fn nameless_user_stand_in(workspace: &Workspace, root: &Path) -> Result<Option<String>> {
    if Program::new("getent").args(["passwd", "sshd"]).succeeds() {
        return Ok(None);
    }
    let folder = library_path(root)?;
    let library = || {
        folder
            .split(':')
            .map(|folder| Path::new(folder).join("libnss_wrapper.so"))
            .find(|path| path.exists())
    };
    if library().is_none() {
        unpack(workspace, "libnss-wrapper")?;
    }
    let folder = library_path(root)?;
    let library = folder
        .split(':')
        .map(|folder| Path::new(folder).join("libnss_wrapper.so"))
        .find(|path| path.exists())
        .context("the package libnss-wrapper brought no libnss_wrapper.so")?;
    let users = workspace.target("tools/passwd");
    let mut text = files::read_text(Path::new("/etc/passwd"))?;
    text.push_str("sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n");
    files::write(&users, text)?;
    Ok(Some(format!(
        "# The lab gives its servers users of their own.\n\
         getent passwd sshd > /dev/null || export LD_PRELOAD='{}' NSS_WRAPPER_PASSWD='{}' NSS_WRAPPER_GROUP=/etc/group\n\
         [ \"$(id -u)\" != 0 ] || mkdir -p /run/sshd\n",
        library.display(),
        users.display()
    )))
}

/// The programs that OpenSSH 9.8 and later start, and the options that say where they are.
const HELPERS: [(&str, &str); 2] = [
    ("SshdSessionPath", "sshd-session"),
    ("SshdAuthPath", "sshd-auth"),
];

fn helper(root: &Path, name: &str) -> PathBuf {
    root.join("usr/lib/openssh").join(name)
}

fn sshd_script(root: &Path, server: &Path, libraries: &str, users: Option<&str>) -> String {
    let mut helpers = String::new();
    for (option, name) in HELPERS {
        let path = helper(root, name);
        if path.exists() {
            let _ = write!(helpers, " -o {option}='{}'", path.display());
        }
    }
    format!(
        "#!/bin/sh\n# Made by `cargo xtask setup`.\nexport LD_LIBRARY_PATH='{libraries}'\n{users}exec '{server}'{helpers} \"$@\"\n",
        users = users.unwrap_or_default(),
        server = server.display(),
    )
}

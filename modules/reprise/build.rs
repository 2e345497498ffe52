//! Puts the target and the commit into `reprise --version`.

fn main() {
    #[expect(
        clippy::disallowed_methods,
        reason = "a build script is told by the environment"
    )]
    let read = |name: &str| std::env::var(name).unwrap_or_else(|_| "unknown".to_owned());
    println!("cargo:rerun-if-env-changed=REPRISE_COMMIT");
    println!("cargo:rustc-env=REPRISE_COMMIT={}", read("REPRISE_COMMIT"));
    println!("cargo:rustc-env=REPRISE_TARGET={}", read("TARGET"));
}

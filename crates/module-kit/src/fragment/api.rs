//! How a Proxmox VE API is reached. Names and variables are those that users of
//! `community.proxmox` know, with `ca_path` and `fingerprint` beside them.

use ansible_module::option::{Default, Kind, OptionGroup, OptionSpec};

/// The options of the connection.
pub const API: OptionGroup = OptionGroup {
    title: "Connection to the Proxmox VE API",
    options: &[
        OptionSpec::new("api_host", Kind::Str, &[
            "Name or address of a Proxmox VE node, also as V(host:port) or V(https://host:port).",
            "On a node itself, as root, with none of the options of the connection set, C(pvesh) is used instead: it speaks for V(root@pam) and needs neither token nor password.",
        ])
            .environment(&["PROXMOX_HOST"]),
        OptionSpec::new("api_port", Kind::Int, &["Port of the API, when O(api_host) does not name one.", "V(8006) when left out."])
            .environment(&["PROXMOX_PORT"]),
        OptionSpec::new("api_user", Kind::Str, &["User with its realm, such as V(backup@pve).", "May be left out when O(api_token_id) has the form V(user@realm!name)."])
            .environment(&["PROXMOX_USER"]),
        OptionSpec::new("api_password", Kind::Str, &["Password of O(api_user). A token is the better choice: its rights can be limited, and it can be withdrawn alone."])
            .no_log()
            .environment(&["PROXMOX_PASSWORD"]),
        OptionSpec::new("api_token_id", Kind::Str, &["Name of an API token, such as V(cli) or V(backup@pve!cli)."])
            .environment(&["PROXMOX_TOKEN_ID"]),
        OptionSpec::new("api_token_secret", Kind::Str, &["Secret of the token."])
            .no_log()
            .environment(&["PROXMOX_TOKEN_SECRET"]),
        OptionSpec::new(
            "validate_certs",
            Kind::Bool,
            &[
                "Whether the certificate of the node is checked.",
                "V(false) lets anyone between here and the node read the token: O(ca_path) or O(fingerprint) are as easy and safe.",
            ],
        )
        .default(Default::Bool(true))
        .environment(&["PROXMOX_VALIDATE_CERTS"]),
        OptionSpec::new("ca_path", Kind::Path, &["File with the certificate authority of the node, in PEM form, such as a copy of V(/etc/pve/pve-root-ca.pem).", "The authorities of the system are used when left out."])
            .environment(&["PROXMOX_CA_PATH"]),
        OptionSpec::new("fingerprint", Kind::Str, &["SHA-256 fingerprint of the certificate of the node, as the web interface shows it: exactly this certificate is accepted, whoever signed it."])
            .environment(&["PROXMOX_FINGERPRINT"]),
    ],
};

//! The certificate authority and the server certificate of a node.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};

/// What a node shows to its clients.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// SHA-256 of the server certificate as PVE writes it: upper-case pairs and colons.
    pub(crate) fingerprint: String,
    pub(crate) config: Arc<ServerConfig>,
}

/// Makes an authority and a certificate for 127.0.0.1 and the node's name, and writes the
/// authority's certificate to `ca_path`.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn make(node: &str, ca_path: &Path) -> anyhow::Result<Certificate> {
    let ca_key = KeyPair::generate().context("cannot make a key")?;
    let mut ca = CertificateParams::default();
    ca.distinguished_name
        .push(DnType::CommonName, format!("{node} lab authority"));
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_certificate = ca
        .self_signed(&ca_key)
        .context("cannot sign the authority")?;
    std::fs::write(ca_path, ca_certificate.pem())
        .with_context(|| format!("cannot write {}", ca_path.display()))?;

    let key = KeyPair::generate().context("cannot make a key")?;
    let names = ["127.0.0.1", "localhost", node].map(str::to_owned);
    let mut server = CertificateParams::new(names).context("cannot name the server")?;
    server.distinguished_name.push(DnType::CommonName, node);
    server.use_authority_key_identifier_extension = true;
    let issuer = Issuer::new(ca, ca_key);
    let certificate = server
        .signed_by(&key, &issuer)
        .context("cannot sign the server")?;

    let digest = Sha256::digest(certificate.der());
    let pairs: Vec<_> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("no TLS version to offer")?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .context("the key does not fit the certificate")?;
    Ok(Certificate {
        fingerprint: pairs.join(":"),
        config: Arc::new(config),
    })
}

/// Random bytes for secrets.
///
/// # Errors
/// When the system has none.
pub(crate) fn random<const LENGTH: usize>() -> anyhow::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gives no random bytes"))?;
    Ok(bytes)
}

/// A random UUID, as PVE uses it for token secrets and ids of jobs.
///
/// # Errors
/// When the system has no random bytes.
pub(crate) fn random_uuid() -> anyhow::Result<String> {
    let mut bytes = u128::from_be_bytes(random()?);
    bytes &= !(0xf000_u128 << 64) & !(0xc000_u128 << 48);
    bytes |= (0x4000_u128 << 64) | (0x8000_u128 << 48);
    let hex = format!("{bytes:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    Ok([
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_of_version_4() {
        let uuid = random_uuid().unwrap();
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&uuid.as_bytes()[19]), "{uuid}");
    }
}

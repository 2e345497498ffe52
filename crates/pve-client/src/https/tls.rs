//! Which certificates are believed, and what is remembered of those that are not.

use std::path::Path;
use std::sync::{Arc, Mutex};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_native_certs::CertificateResult;
use sha2::{Digest, Sha256};

use super::{Fingerprint, Trust};
use crate::{Error, ErrorKind, NotSent};

/// The fingerprint of the last certificate that a server showed.
#[derive(Debug, Clone, Default)]
pub(super) struct LastSeen(Arc<Mutex<Option<Fingerprint>>>);

impl LastSeen {
    pub(super) fn fingerprint(&self) -> String {
        let seen = self.0.lock().map(|seen| *seen).unwrap_or_default();
        seen.map_or_else(
            || "unknown".to_owned(),
            |fingerprint| fingerprint.to_string(),
        )
    }

    fn remember(&self, fingerprint: Fingerprint) {
        if let Ok(mut seen) = self.0.lock() {
            *seen = Some(fingerprint);
        }
    }
}

/// How TLS is done for this trust.
pub(super) fn config(trust: &Trust, last_seen: &LastSeen) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let rule = match trust {
        Trust::System => Rule::Authorities(authorities(system_roots()?, &provider)?),
        Trust::CaFile(path) => Rule::Authorities(authorities(file_roots(path)?, &provider)?),
        Trust::Fingerprint(fingerprint) => Rule::Pinned(*fingerprint),
        Trust::Insecure => Rule::Any,
    };
    let verifier = Verifier {
        rule,
        provider: Arc::clone(&provider),
        last_seen: last_seen.clone(),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::settings(format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

fn authorities(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| Error::settings(format!("the certificates cannot be used: {error}")))
}

fn system_roots() -> Result<RootCertStore, Error> {
    roots_of(rustls_native_certs::load_native_certs())
}

fn roots_of(found: CertificateResult) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let (used, _unusable) = roots.add_parsable_certificates(found.certs);
    if used == 0 {
        let why = found
            .errors
            .first()
            .map(|error| format!(": {error}"))
            .unwrap_or_default();
        return Err(Error::new(
            ErrorKind::NotSent(NotSent::NoTrustStore),
            format!("this machine has no certificates of authorities to trust{why}"),
        ));
    }
    Ok(roots)
}

fn file_roots(path: &Path) -> Result<RootCertStore, Error> {
    let wrong = |why: String| {
        Error::new(
            ErrorKind::NotSent(NotSent::CaFile(path.to_owned())),
            format!(
                "the certificates in `{}` cannot be used: {why}",
                path.display()
            ),
        )
    };
    let mut roots = RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?
    {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("there is none in PEM form".to_owned()));
    }
    Ok(roots)
}

#[derive(Debug)]
enum Rule {
    Authorities(Arc<WebPkiServerVerifier>),
    Pinned(Fingerprint),
    Any,
}

/// Applies the rule to the certificate, and remembers what was seen. The proof that the server
/// owns the certificate is asked for under every rule.
#[derive(Debug)]
struct Verifier {
    rule: Rule,
    provider: Arc<CryptoProvider>,
    last_seen: LastSeen,
}

/// The text by which [`super::failure`] knows that the pinned certificate was not shown.
pub(super) const NOT_PINNED: &str = "the certificate is not the pinned one";

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let seen = Fingerprint::new(Sha256::digest(end_entity).into());
        self.last_seen.remember(seen);
        match &self.rule {
            Rule::Authorities(verifier) => verifier.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
            Rule::Pinned(pinned) if *pinned == seen => Ok(ServerCertVerified::assertion()),
            Rule::Pinned(_) => Err(rustls::Error::General(NOT_PINNED.to_owned())),
            Rule::Any => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_certificates_is_told_what_to_do() {
        let error = roots_of(CertificateResult::default()).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::NotSent(NotSent::NoTrustStore));
        assert!(error.hint().unwrap().contains("ca-certificates"));
        assert!(error.retry_is_safe());
    }
}

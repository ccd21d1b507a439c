//! Webhooks over TLS.

use std::io::Write;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::processes::{Process, shop};
use crate::receiver::Receiver;
use crate::shop::{orders, rush, until, until_delivered};
use crate::stores::database;
use crate::webhook::{endpoint, sent};

/// An authority's certificate in a file, and what a server needs that it vouches for.
fn vouched_for() -> (NamedTempFile, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "an authority of the tests' own");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &authority).expect("a certificate");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions that the provider knows")
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).expect("a private key"),
        );
    let mut file = NamedTempFile::new().expect("a file");
    let der = STANDARD.encode(authority.as_ref().der());
    write!(file, "-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n").expect("written");
    (file, TlsAcceptor::from(Arc::new(config.expect("a certificate and its key"))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_out_encrypted_to_who_is_vouched_for() {
    let (authority, acceptor) = vouched_for();
    let receiver = Receiver::encrypted(acceptor).await;
    // Nobody on this machine has heard of the authority.
    let error = sent(endpoint(&receiver.url, true)).await.expect_err("an unknown authority");
    assert!(error.contains("certificate"), "{error}");
    assert_eq!(receiver.calls(), 0);

    let database = database().await;
    let world = shop(&database.url).await;
    let _process = Process::start(&database.url, &receiver, Some(authority.path()));
    until(&world, async || !world.store().sinks().await.expect("the sinks").is_empty()).await;
    rush(&world, 8).await;
    until_delivered(&world, &["webhook"]).await;
    assert_eq!(receiver.read_model(), orders(&world).await);
}

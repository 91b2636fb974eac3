//! PostgreSQL through TLS: encrypted when offered, and checked as far as the address asks for it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use guildhall_store::{
    Store, StoreError,
    testkit::{self, TlsServer},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use sea_orm::{ConnectionTrait, sea_query::Query};

/// An authority that no machine trusts by itself, and a server whose certificate it has signed for localhost.
struct Signed {
    server: TlsServer,
    folder: tempfile::TempDir,
}

impl Signed {
    async fn start() -> Option<Self> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let server = TlsServer::start(&certificate.pem(), &key.serialize_pem()).await?;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("authority.pem"), authority.as_ref().pem()).unwrap();
        Some(Self { server, folder })
    }

    async fn open(&self, host: &str, mode: &str) -> Result<Store, StoreError> {
        let address = self.server.fresh_database(host).await;
        let authority = self.folder.path().join("authority.pem").display().to_string();
        let query = mode.replace("AUTHORITY", &authority);
        Store::open(format!("{address}{query}"), Vec::new()).await
    }
}

/// Whether the server says that this reader's connection is encrypted.
async fn encrypted(store: &Store) -> bool {
    let query = Query::select()
        .column("ssl")
        .from("pg_stat_ssl")
        .and_where(sea_orm::sea_query::Expr::cust("pid = pg_backend_pid()"))
        .to_owned();
    store.reader().query_one(&query).await.unwrap().unwrap().try_get("", "ssl").unwrap()
}

#[tokio::test]
async fn postgresql_is_spoken_to_through_tls_as_the_address_asks() {
    let Some(signed) = Signed::start().await else { return };
    for (host, mode, through_tls) in [
        ("localhost", "", true),
        ("localhost", "?sslmode=disable", false),
        ("localhost", "?sslmode=require", true),
        ("127.0.0.1", "?sslmode=require", true),
        ("localhost", "?sslmode=verify-full&sslrootcert=AUTHORITY", true),
        // The name does not matter to this mode; the certificate is for localhost.
        ("127.0.0.1", "?sslmode=verify-ca&sslrootcert=AUTHORITY", true),
    ] {
        let store = signed.open(host, mode).await.unwrap_or_else(|error| panic!("{host} {mode}: {error:?}"));
        assert_eq!(encrypted(&store).await, through_tls, "{host} {mode}");
        store.begin().await.unwrap().commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_postgresql_whose_certificate_is_not_to_be_trusted_is_refused() {
    let Some(signed) = Signed::start().await else { return };
    for (host, mode) in [
        ("localhost", "?sslmode=verify-full"),
        ("localhost", "?sslmode=verify-ca"),
        ("127.0.0.1", "?sslmode=verify-full&sslrootcert=AUTHORITY"),
    ] {
        let refused = signed.open(host, mode).await;
        let Err(StoreError::Tls(_)) = &refused else { panic!("{host} {mode}: {refused:?}") };
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("sslrootcert"), "{text}");
    }
}

#[tokio::test]
async fn a_postgresql_without_tls_is_refused_when_tls_is_required() {
    let Some(store) = testkit::postgres(Vec::new()).await else { return };
    let refused = Store::open(format!("{}?sslmode=require", store.address), Vec::new()).await;
    assert!(matches!(refused, Err(StoreError::Tls(_))), "{refused:?}");
}

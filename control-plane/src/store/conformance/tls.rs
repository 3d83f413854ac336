//! PostgreSQL over TLS.

use super::postgres_server::PostgresServer;
use crate::domain::Secret;
use crate::store::{StoreError, open};

#[tokio::test]
async fn postgres_is_reached_over_tls_and_its_certificate_checked() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let Some(server) = PostgresServer::start_with_tls(&certificate, &key) else { return };
    let port = server.tls_port.unwrap();
    server.run("CREATE DATABASE over_tls").await;
    let folder = tempfile::tempdir().unwrap();
    let roots = |name: &str, text: String| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let (right, wrong) = (roots("right", certificate), roots("wrong", other.cert.pem()));
    let reach = async |options: String| {
        let url = format!("postgres://tollgate@localhost:{port}/over_tls?{options}");
        open(&Secret::new(url)).await.map(drop)
    };

    reach("sslmode=require".to_owned()).await.unwrap();
    reach(format!("sslmode=verify-full&sslrootcert={}", right.display())).await.unwrap();
    let refused = reach(format!("sslmode=verify-full&sslrootcert={}", wrong.display())).await;
    let unknown = reach("sslmode=verify-full".to_owned()).await;

    for error in [refused, unknown] {
        assert!(matches!(error, Err(StoreError::Unavailable(_))), "{error:?}");
    }
}

//! The socket that all of it is served on.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use tollgate_control_plane::config::ControlListen;
use tollgate_control_plane::grpc::Control;
use tonic::Code;

use crate::fixture::{PATIENCE, Served};

#[tokio::test]
async fn the_socket_is_for_its_owner_alone() {
    let served = Served::start().await;

    let mode = std::fs::metadata(&served.socket).unwrap().permissions().mode();

    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_socket_that_nobody_listens_on_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());

    let control = Control::bind(&ControlListen::Unix(path.clone())).await.unwrap();

    assert_eq!(control.address(), format!("unix:{}", path.display()));
    drop(control);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_socket_in_use_and_a_file_that_is_none_are_left_alone() {
    let served = Served::start().await;
    let other = served.socket.with_file_name("file");
    std::fs::write(&other, "kept").unwrap();

    assert!(Control::bind(&ControlListen::Unix(served.socket.clone())).await.is_err());
    assert!(Control::bind(&ControlListen::Unix(other.clone())).await.is_err());

    served.watch().await;
    assert_eq!(std::fs::read_to_string(other).unwrap(), "kept");
}

#[tokio::test]
async fn a_loopback_port_tells_its_number() {
    let listen = ControlListen::Tcp("127.0.0.1:0".parse().unwrap());

    let control = Control::bind(&listen).await.unwrap();

    assert!(!control.address().ends_with(":0"));
}

#[tokio::test]
async fn shutting_down_ends_the_streams_and_then_the_server() {
    let served = Served::start().await;
    let (mut stream, _) = served.watch().await;
    let socket = served.socket.clone();

    served.stop().await;

    let error = tokio::time::timeout(PATIENCE, stream.message()).await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.message()), (Code::Unavailable, "shutting down"));
    assert!(!socket.exists());
}

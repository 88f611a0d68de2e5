//! Any descriptor: waiting, trying, several that wait, and what outlives what.
#![cfg(all(unix, not(any(loom, shuttle))))]

use filch::io::{Interest, Registered};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

fn pair() -> (Registered<UnixStream>, UnixStream) {
    let (one, other) = UnixStream::pair().unwrap();
    (Registered::new(one).unwrap(), other)
}

#[test]
fn a_task_that_waits_is_woken_by_data() {
    filch::block_on(async {
        let (ours, mut theirs) = pair();
        let task = filch::spawn(async move {
            let mut buffer = [0; 8];
            let count = ours
                .async_io(Interest::READABLE, |mut stream| stream.read(&mut buffer))
                .await
                .unwrap();
            buffer[..count].to_vec()
        });
        filch::task::yield_now().await;
        theirs.write_all(b"ping").unwrap();
        assert_eq!(task.await.unwrap(), b"ping");
    });
}

#[test]
fn a_reader_beside_a_writer_that_is_refused() {
    filch::block_on(async {
        let (ours, theirs) = pair();
        let ours = std::sync::Arc::new(ours);
        let reader = ours.clone();
        let reads = filch::spawn(async move {
            let mut buffer = [0; 8];
            let read = |mut stream: &UnixStream| stream.read(&mut buffer);
            reader.async_io(Interest::READABLE, read).await.unwrap()
        });
        let writes = filch::spawn(async move {
            let block = vec![7; 1 << 20];
            let mut left = 4 << 20;
            while left > 0 {
                let write = |mut stream: &UnixStream| stream.write(&block[..left.min(1 << 20)]);
                left -= ours.async_io(Interest::WRITABLE, write).await.unwrap();
            }
        });
        let drains = filch::spawn_blocking(move || {
            let mut theirs = theirs;
            let mut all = vec![0; 4 << 20];
            theirs.read_exact(&mut all).unwrap();
            theirs.write_all(b"done").unwrap();
            all.iter().all(|&byte| byte == 7)
        });
        writes.await.unwrap();
        assert!(drains.await.unwrap());
        assert_eq!(reads.await.unwrap(), 4);
    });
}

#[test]
fn regular_files_are_refused_with_a_remedy() {
    let file = std::fs::File::open("Cargo.toml").unwrap();
    let error = Registered::new(file).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
    assert!(error.to_string().contains("filch::fs"));
}

#[test]
fn echo_over_tcp() {
    use futures_lite::{AsyncReadExt, AsyncWriteExt};
    filch::block_on(async {
        let listener = filch::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = filch::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 64];
            loop {
                match (&stream).read(&mut buffer).await.unwrap() {
                    0 => return,
                    count => (&stream).write_all(&buffer[..count]).await.unwrap(),
                }
            }
        });
        let client = filch::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            for round in 0..1000_u32 {
                stream.write_all(&round.to_le_bytes()).unwrap();
                let mut back = [0; 4];
                stream.read_exact(&mut back).unwrap();
                assert_eq!(u32::from_le_bytes(back), round);
            }
        });
        client.await.unwrap();
        server.await.unwrap();
    });
}

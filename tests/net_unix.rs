//! Unix sockets: listeners, streams and datagrams, paths and names, and descriptors that come along.
#![cfg(all(unix, not(any(loom, shuttle))))]

mod common;

use common::guarded;
use common::net::on_each;
use filch::net::{UnixDatagram, UnixListener, UnixStream};
use futures_lite::future::{poll_once, zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt, StreamExt};
use std::io::{ErrorKind, IoSlice};
use std::net::Shutdown;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A folder that is removed with what is in it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "filch-unix-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn connections_are_accepted_and_carry_bytes() {
    on_each(|| async {
        let folder = Folder::new();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*path));
        assert_eq!(
            UnixListener::bind(&path).unwrap_err().kind(),
            ErrorKind::AddrInUse
        );
        assert_eq!(
            listener.try_accept().unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        let mut accept = Box::pin(listener.accept());
        assert!(poll_once(&mut accept).await.is_none());
        let client = UnixStream::connect(&path).await.unwrap();
        let (server, peer) = accept.await.unwrap();
        assert!(peer.is_unnamed());
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*path));
        assert_eq!(server.local_addr().unwrap().as_pathname(), Some(&*path));
        let block = vec![3; 2_000_000];
        let mut all = vec![0; block.len()];
        let (mut from, mut to) = (&client, &server);
        let (wrote, read) = zip(from.write_all(&block), to.read_exact(&mut all)).await;
        wrote.unwrap();
        read.unwrap();
        assert!(all == block);

        let bound =
            socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        let mine = folder.path().join("mine");
        bound
            .bind(&socket2::SockAddr::unix(&mine).unwrap())
            .unwrap();
        bound
            .connect(&socket2::SockAddr::unix(&path).unwrap())
            .unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer.as_pathname(), Some(&*mine));

        let _client = UnixStream::connect(&path).await.unwrap();
        assert!(listener.incoming().next().await.unwrap().is_ok());
        let _client = UnixStream::connect(&path).await.unwrap();
        let mut incoming = listener.into_incoming();
        assert!(incoming.next().await.unwrap().is_ok());
        assert!(poll_once(incoming.next()).await.is_none());
    });
}

#[test]
fn row_81_a_path_that_is_unlinked_or_deserted() {
    on_each(|| async {
        let folder = Folder::new();
        let path = folder.path().join("socket");
        let error = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let listener = UnixListener::bind(&path).unwrap();
        let early = UnixStream::connect(&path).await.unwrap();
        std::fs::remove_file(&path).unwrap();
        let error = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let (server, _) = listener.accept().await.unwrap();
        server.try_write(b"still").unwrap();
        assert_eq!((&early).read(&mut [0; 8]).await.unwrap(), 5);
        let listener = UnixListener::from_std(listener.into_std()).unwrap();
        drop(listener);
        drop(UnixListener::bind(&path).unwrap());
        let error = UnixStream::connect(&path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(
            UnixStream::connect(folder.path().join("x".repeat(200)))
                .await
                .is_err()
        );
    });
}

#[cfg(target_os = "linux")]
#[test]
fn row_81_abstract_names() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;
    on_each(|| async {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "filch-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Relaxed)
        );
        let name = SocketAddr::from_abstract_name(name).unwrap();
        let listener = UnixListener::bind_addr(&name).unwrap();
        let client = UnixStream::connect_addr(&name).await.unwrap();
        let (_server, _) = listener.accept().await.unwrap();
        let peer = client.peer_addr().unwrap();
        assert_eq!(peer.as_abstract_name(), name.as_abstract_name());
        let error = UnixStream::connect_addr(&client.local_addr().unwrap())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);

        let datagrams =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(format!("{name:?}d")).unwrap())
                .unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender
            .send_to_addr(b"hello", &datagrams.local_addr().unwrap())
            .await
            .unwrap();
        sender
            .connect_addr(&datagrams.local_addr().unwrap())
            .unwrap();
        sender.send(b"again").await.unwrap();
        for _ in 0..2 {
            assert_eq!(datagrams.recv(&mut [0; 8]).await.unwrap(), 5);
        }
    });
}

#[test]
fn a_full_queue_makes_a_connect_wait_until_there_is_room() {
    on_each(|| async {
        let folder = Folder::new();
        let path = folder.path().join("socket");
        let std = std::os::unix::net::UnixListener::bind(&path).unwrap();
        rustix::net::listen(&std, 1).unwrap();
        let listener = UnixListener::from_std(std).unwrap();
        let mut clients = Vec::new();
        while let Some(client) = poll_once(Box::pin(UnixStream::connect(&path))).await {
            clients.push(client.unwrap());
        }
        assert!(clients.len() < 10, "the queue was short");
        let late = filch::spawn({
            let path = path.clone();
            async move { UnixStream::connect(path).await }
        });
        filch::task::yield_now().await;
        for _ in 0..clients.len() + 1 {
            listener.accept().await.unwrap();
        }
        late.await.unwrap().unwrap();
    });
}

#[test]
fn streams_end_peek_split_and_convert_as_tcp_does() {
    on_each(|| async {
        let (one, other) = UnixStream::pair().unwrap();
        let mut buffer = [0; 8];
        let mut peek = Box::pin(other.peek(&mut buffer));
        assert!(poll_once(&mut peek).await.is_none());
        one.try_write_vectored(&[IoSlice::new(b"he"), IoSlice::new(b"llo")])
            .unwrap();
        assert_eq!(peek.await.unwrap(), 5);
        other.readable().await.unwrap();
        assert_eq!(other.try_read(&mut buffer).unwrap(), 5);
        one.shutdown(Shutdown::Write).unwrap();
        one.shutdown(Shutdown::Write).unwrap();
        assert_eq!((&other).read(&mut buffer).await.unwrap(), 0);
        (&other).write_all(b"on").await.unwrap();
        assert_eq!((&one).read(&mut buffer).await.unwrap(), 2);

        let (one, other) = UnixStream::pair().unwrap();
        let (mut read, mut write) = one.into_split();
        write.write_all(b"hello").await.unwrap();
        drop(write);
        let mut text = String::new();
        (&other).read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "hello");
        drop(other.into_std());
        assert_eq!(read.read(&mut buffer).await.unwrap(), 0);

        let (mut one, other) = UnixStream::pair().unwrap();
        let (mut read, mut write) = one.split();
        let wrote = write.write_all(b"x");
        wrote.await.unwrap();
        drop(other);
        // The unread byte makes of the end a reset.
        let error = read.read(&mut buffer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(read.read(&mut buffer).await.unwrap(), 0);
        assert_eq!(
            write.write(b"x").await.unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
    });
}

#[cfg(target_os = "linux")]
#[test]
fn the_peer_is_who_it_is() {
    on_each(|| async {
        let (one, _other) = UnixStream::pair().unwrap();
        let peer = one.peer_cred().unwrap();
        assert_eq!(peer.pid(), Some(std::process::id()));
        let mine = std::fs::metadata("/proc/self").unwrap();
        use std::os::unix::fs::MetadataExt;
        assert_eq!((peer.uid(), peer.gid()), (mine.uid(), mine.gid()));
    });
}

/// The kernel ends a read where descriptors were attached, though there is more; nobody takes them, and they are closed.
#[cfg(target_os = "linux")]
#[test]
fn row_81_descriptors_that_are_not_taken_neither_leak_nor_stop_the_stream() {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use std::mem::MaybeUninit;
    use std::os::fd::AsFd;
    if !common::is_child() {
        let name = "row_81_descriptors_that_are_not_taken_neither_leak_nor_stop_the_stream";
        return common::run_child(name, common::LIMIT, &[]).assert_success();
    }
    let send = |stream: &UnixStream, bytes: &[u8]| {
        let file = std::fs::File::open("/dev/null").unwrap();
        let descriptors = [file.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut with = SendAncillaryBuffer::new(&mut space);
        assert!(with.push(SendAncillaryMessage::ScmRights(&descriptors)));
        sendmsg(
            stream,
            &[IoSlice::new(bytes)],
            &mut with,
            SendFlags::empty(),
        )
        .unwrap();
    };
    guarded(move || {
        let runtime = common::workers(1);
        runtime.block_on(async move {
            let (one, other) = UnixStream::pair().unwrap();
            let mut buffer = [0; 64];
            let before = common::net::descriptors();
            for waits in [true, false, true] {
                let mut half = &other;
                let mut read = half.read(&mut buffer);
                if waits {
                    assert!(poll_once(&mut read).await.is_none());
                }
                send(&one, b"one");
                send(&one, b"two");
                one.try_write(b"three").unwrap();
                let mut count = read.await.unwrap();
                while count < 11 {
                    count += half.read(&mut buffer).await.unwrap();
                }
            }
            assert_eq!(common::net::descriptors(), before);
        });
    });
}

#[test]
fn datagrams_keep_their_borders_and_their_order() {
    on_each(|| async {
        let folder = Folder::new();
        let (at_one, at_other) = (folder.path().join("one"), folder.path().join("other"));
        let one = UnixDatagram::bind(&at_one).unwrap();
        let other = UnixDatagram::bind(&at_other).unwrap();
        let mut buffer = [0; 4];
        assert!(poll_once(other.recv_from(&mut buffer)).await.is_none());
        for datagram in [&b""[..], b"too long", b"ok"] {
            one.send_to(datagram, &at_other).await.unwrap();
        }
        for count in [0, 4, 2] {
            let (received, from) = other.recv_from(&mut buffer).await.unwrap();
            assert_eq!((received, from.as_pathname()), (count, Some(&*at_one)));
        }
        one.connect(&at_other).unwrap();
        assert_eq!(one.peer_addr().unwrap().as_pathname(), Some(&*at_other));
        one.try_send(b"x").unwrap();
        one.try_send_to(b"y", &at_other).unwrap();
        other.readable().await.unwrap();
        assert_eq!(other.try_recv(&mut buffer).unwrap(), 1);
        assert_eq!(other.try_recv_from(&mut buffer).unwrap().0, 1);
        one.shutdown(Shutdown::Write).unwrap();
        let error = one.send(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        drop(other.into_std());
        let sender = UnixDatagram::unbound().unwrap();
        // A child that another test has just forked keeps the socket for a moment.
        let error = loop {
            match sender.send_to(b"x", &at_other).await {
                Ok(_) => filch::task::yield_now().await,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_full_receiver_makes_the_senders_wait_connected_or_not() {
    on_each(|| async {
        let folder = Folder::new();
        let path = folder.path().join("socket");
        let receiver = UnixDatagram::bind(&path).unwrap();
        let (connected, free) = (
            UnixDatagram::unbound().unwrap(),
            UnixDatagram::unbound().unwrap(),
        );
        connected.connect(&path).unwrap();
        let mut sent = 0;
        while let Some(result) = poll_once(connected.send(b"x")).await {
            result.unwrap();
            sent += 1;
        }
        assert!(
            poll_once(Box::pin(free.send_to(b"y", &path)))
                .await
                .is_none()
        );
        let first = filch::spawn(async move { connected.send(b"x").await });
        let second = filch::spawn(async move { free.send_to(b"y", &path).await });
        filch::task::yield_now().await;
        for _ in 0..sent + 2 {
            assert_eq!(receiver.recv(&mut [0; 8]).await.unwrap(), 1);
        }
        first.await.unwrap().unwrap();
        second.await.unwrap().unwrap();
    });
}

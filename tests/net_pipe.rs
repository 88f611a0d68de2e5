//! Pipes: anonymous, named, and those of child processes.
#![cfg(all(unix, not(any(loom, shuttle))))]

mod common;

use common::net::on_each;
use filch::io::pipe::{OpenOptions, Receiver, Sender, pipe};
use futures_lite::future::{poll_once, zip};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

#[test]
fn bytes_go_through_and_a_full_pipe_waits_for_its_reader() {
    on_each(|| async {
        let (mut sender, mut receiver) = pipe().unwrap();
        let block: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 251) as u8).collect();
        let mut all = vec![0; block.len()];
        let (wrote, read) = zip(sender.write_all(&block), receiver.read_exact(&mut all)).await;
        wrote.unwrap();
        read.unwrap();
        assert!(all == block);

        let parts = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
        assert_eq!(sender.write_vectored(&parts).await.unwrap(), 5);
        let (mut first, mut second) = ([0; 2], [0; 8]);
        let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(receiver.read_vectored(&mut buffers).await.unwrap(), 5);
        assert_eq!((&first, &second[..3]), (b"ab", &b"cde"[..]));
    });
}

#[test]
fn the_reader_sees_the_end_and_the_writer_a_broken_pipe() {
    on_each(|| async {
        let (sender, receiver) = pipe().unwrap();
        let mut buffer = [0; 8];
        let mut half = &receiver;
        let mut read = half.read(&mut buffer);
        assert!(poll_once(&mut read).await.is_none());
        drop(sender);
        assert_eq!(read.await.unwrap(), 0);
        assert_eq!(half.read(&mut buffer).await.unwrap(), 0, "the end stays");

        // With data before the end, for a reader that waits and one that has not begun.
        for waits in [false, true] {
            let (sender, receiver) = pipe().unwrap();
            let mut half = &receiver;
            let mut read = half.read(&mut buffer);
            if waits {
                assert!(poll_once(&mut read).await.is_none());
            }
            sender.try_write(b"hello").unwrap();
            drop(sender);
            assert_eq!(read.await.unwrap(), 5);
            assert_eq!(half.read(&mut buffer).await.unwrap(), 0);
        }

        let (sender, receiver) = pipe().unwrap();
        let mut half = &sender;
        let block = vec![0; 1 << 20];
        let mut write = half.write_all(&block);
        assert!(poll_once(&mut write).await.is_none());
        drop(receiver);
        assert_eq!(write.await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        sender.writable().await.unwrap();
        assert_eq!(
            sender.try_write(b"x").unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
    });
}

#[test]
fn attempts_and_nothing_and_dropped_futures() {
    on_each(|| async {
        let (sender, receiver) = pipe().unwrap();
        assert_eq!(receiver.try_read(&mut []).unwrap(), 0);
        assert_eq!(receiver.try_read_vectored(&mut []).unwrap(), 0);
        assert_eq!(sender.try_write(&[]).unwrap(), 0);
        assert_eq!(sender.try_write_vectored(&[]).unwrap(), 0);
        assert_eq!((&sender).write(&[]).await.unwrap(), 0);
        assert_eq!((&receiver).read(&mut []).await.unwrap(), 0);
        let refused = |error: std::io::Error| assert_eq!(error.kind(), ErrorKind::WouldBlock);
        refused(receiver.try_read(&mut [0; 8]).unwrap_err());
        refused(
            receiver
                .try_read_vectored(&mut [IoSliceMut::new(&mut [0; 8])])
                .unwrap_err(),
        );

        assert!(poll_once((&receiver).read(&mut [0; 8])).await.is_none());
        let mut sent = 0;
        while let Some(count) = poll_once((&sender).write(&[1; 4096])).await {
            sent += count.unwrap();
        }
        refused(sender.try_write(b"x").unwrap_err());
        assert!(poll_once(sender.writable()).await.is_none());
        let mut all = vec![0; sent];
        (&receiver).read_exact(&mut all).await.unwrap();
        sender.writable().await.unwrap();
        assert_eq!(sender.try_write(b"x").unwrap(), 1);
        receiver.readable().await.unwrap();
        assert_eq!(receiver.try_read(&mut [0; 8]).unwrap(), 1);
        (&sender).close().await.unwrap();
        assert_eq!(sender.try_write(b"open").unwrap(), 4, "only a drop closes");
    });
}

/// A pipe whose writer sends packets gives one at a time, whatever there is room for.
#[cfg(target_os = "linux")]
#[test]
fn packets_are_read_one_by_one_to_the_last() {
    use rustix::pipe::{PipeFlags, pipe_with};
    on_each(|| async {
        let (read, write) = pipe_with(PipeFlags::DIRECT | PipeFlags::CLOEXEC).unwrap();
        let receiver = Receiver::from_owned_fd(read).unwrap();
        let sender = Sender::from_owned_fd(write).unwrap();
        let mut buffer = [0; 64];
        let mut half = &receiver;
        let mut read = half.read(&mut buffer);
        assert!(poll_once(&mut read).await.is_none());
        for packet in [&b"one"[..], b"two", b"three"] {
            sender.try_write(packet).unwrap();
        }
        assert_eq!(read.await.unwrap(), 3);
        assert_eq!(half.read(&mut buffer).await.unwrap(), 3);
        assert_eq!(half.read(&mut buffer).await.unwrap(), 5);
    });
}

#[test]
fn a_child_reads_and_writes() {
    on_each(|| async {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = Sender::try_from(child.stdin.take().unwrap()).unwrap();
        let mut output = Receiver::try_from(child.stdout.take().unwrap()).unwrap();
        let mut errors = Receiver::try_from(child.stderr.take().unwrap()).unwrap();
        let block = vec![5; 500_000];
        let writer = filch::spawn(async move { input.write_all(&block).await });
        let mut all = Vec::new();
        output.read_to_end(&mut all).await.unwrap();
        writer.await.unwrap().unwrap();
        assert_eq!(all, vec![5; 500_000]);
        errors.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), 500_000);
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn descriptors_are_looked_at_and_given_back() {
    on_each(|| async {
        let (sender, receiver) = pipe().unwrap();
        let mut std = std::fs::File::from(receiver.into_blocking_fd().unwrap());
        sender.try_write(b"hello").unwrap();
        let mut buffer = [0; 5];
        std::io::Read::read_exact(&mut std, &mut buffer).unwrap();
        let receiver = Receiver::try_from(OwnedFd::from(std)).unwrap();
        assert!(poll_once((&receiver).read(&mut buffer)).await.is_none());
        let receiver = Receiver::from_owned_fd(receiver.into_nonblocking_fd()).unwrap();
        assert!(poll_once((&receiver).read(&mut buffer)).await.is_none());
        sender.try_write(b"again").unwrap();
        assert_eq!((&receiver).read(&mut buffer).await.unwrap(), 5);

        let error = Sender::from_owned_fd(receiver.into()).unwrap_err();
        assert!(error.to_string().contains("the other end"), "{error}");
        let error = Receiver::from_owned_fd(sender.into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let file = std::fs::File::open("Cargo.toml").unwrap();
        let error = Receiver::from_owned_fd(file.into()).unwrap_err();
        assert!(error.to_string().contains("filch::fs"), "{error}");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn named_pipes() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    on_each(|| async {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "filch-fifo-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let error = OpenOptions::new().open_sender(&path).unwrap_err();
        assert_eq!(
            error.raw_os_error(),
            Some(rustix::io::Errno::NXIO.raw_os_error())
        );
        let mut buffer = [0; 8];
        let receiver = OpenOptions::new().open_receiver(&path).unwrap();
        assert_eq!(
            (&receiver).read(&mut buffer).await.unwrap(),
            0,
            "nobody writes yet"
        );
        let sender = OpenOptions::new().open_sender(&path).unwrap();
        let mut half = &receiver;
        let mut read = half.read(&mut buffer);
        assert!(poll_once(&mut read).await.is_none());
        sender.try_write(b"hello").unwrap();
        assert_eq!(read.await.unwrap(), 5);
        drop(sender);
        assert_eq!((&receiver).read(&mut buffer).await.unwrap(), 0);
        let sender = OpenOptions::new().open_sender(&path).unwrap();
        sender.try_write(b"next").unwrap();
        assert_eq!(
            (&receiver).read(&mut buffer).await.unwrap(),
            4,
            "after the end it goes on"
        );
        drop((sender, receiver));

        let keeps = OpenOptions::new()
            .read_write(true)
            .open_sender(&path)
            .unwrap();
        keeps.try_write(b"kept").unwrap();
        let receiver = OpenOptions::new()
            .read_write(true)
            .open_receiver(&path)
            .unwrap();
        drop(keeps);
        assert_eq!((&receiver).read(&mut buffer).await.unwrap(), 4);
        assert!(
            poll_once((&receiver).read(&mut buffer)).await.is_none(),
            "no end"
        );
        std::fs::remove_file(&path).unwrap();

        let error = OpenOptions::new().open_receiver("Cargo.toml").unwrap_err();
        assert!(error.to_string().contains("no FIFO"), "{error}");
        assert!(
            OpenOptions::new()
                .unchecked(true)
                .open_receiver("/dev/null")
                .is_ok()
        );
    });
}

//! Faults of the other end and of the way to it: peers that stop, queues that are long, networks that swallow, delay and
//! cut. Some need a second process, or a network namespace of their own. The names bear the rows of the table of faults.
#![cfg(all(target_os = "linux", not(any(loom, shuttle))))]

mod common;

use common::{
    Beside, LIMIT, Random, descriptors, guarded, is_child, listener, resident_bytes, run_child,
    run_child_through, wait_until, workers,
};
use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::TcpStream;
use filch::time::timeout;
use std::hash::{DefaultHasher, Hasher};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

/// How many connections are idle; 10,000 is the full size, of which each of two processes has one end.
fn idle() -> usize {
    let chosen = std::env::var("FILCH_IDLE_CONNECTIONS").ok();
    chosen.map_or(2000, |text| text.parse().expect("a number of connections"))
}

const ADDRESS: &str = "FILCH_TEST_ADDRESS";

/// A process with thousands of connections is stopped: others are served as if it were not there, and it costs little
/// memory. When it is killed, all is given back.
#[test]
fn e74_stopped_client_with_thousands_of_connections_hurts_nobody() {
    const NAME: &str = "e74_stopped_client_with_thousands_of_connections_hurts_nobody";
    if let Ok(address) = std::env::var(ADDRESS) {
        let connect = |_| {
            let mut stream = std::net::TcpStream::connect(&address).unwrap();
            stream.write_all(b"x").unwrap();
            stream
        };
        let _streams: Vec<_> = (0..idle()).map(connect).collect();
        // Until it is killed, or the parent ends.
        let _ = std::io::stdin().read(&mut [0]);
        return;
    }
    if !is_child() {
        let child = run_child(NAME, LIMIT * 3, &[]);
        println!("{}", child.stdout);
        return child.assert_success();
    }
    let runtime = workers(2);
    let before = runtime.block_on(async {
        drop(common::tcp_pair().await);
        descriptors()
    });
    runtime.block_on(async {
        let listener = listener().await;
        let address = listener.local_addr().unwrap();
        let memory = resident_bytes();
        let mut client = Beside::start(NAME, &[(ADDRESS, &address.to_string())]);
        let ended = Arc::new(AtomicUsize::new(0));
        let begun = Arc::new(AtomicUsize::new(0));
        for _ in 0..idle() {
            let (mut stream, _) = timeout(LIMIT, listener.accept()).await.unwrap().unwrap();
            let (begun, ended) = (begun.clone(), ended.clone());
            let task = filch::spawn(async move {
                let mut byte = [0];
                stream.read_exact(&mut byte).await.unwrap();
                begun.fetch_add(1, SeqCst);
                // Its peer is killed, so that this is the end or a reset.
                assert!(stream.read_exact(&mut byte).await.is_err());
                ended.fetch_add(1, SeqCst);
            });
            task.detach();
        }
        while begun.load(SeqCst) < idle() {
            filch::time::sleep(Duration::from_millis(1)).await;
        }
        let each = resident_bytes().saturating_sub(memory) / idle();
        println!("{each} bytes for each connection");
        assert!(
            each <= 1536 || !common::MEMORY_TELLS,
            "{each} bytes for each connection"
        );
        let stop = format!("kill -STOP {}", client.id());
        assert!(
            Command::new("sh")
                .args(["-c", &stop])
                .status()
                .unwrap()
                .success()
        );

        let mut active = TcpStream::connect(address).await.unwrap();
        active.set_nodelay(true).unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        filch::spawn(async move {
            let mut word = [0; 8];
            while server.read_exact(&mut word).await.is_ok() {
                server.write_all(&word).await.unwrap();
            }
        })
        .detach();
        let bound = Duration::from_millis(if cfg!(filch_tsan) {
            50
        } else if cfg!(debug_assertions) {
            5
        } else {
            1
        });
        // The machine may have other things to do: three attempts.
        let mut p99 = Duration::MAX;
        for _ in 0..3 {
            let mut times = Vec::new();
            for round in 0..2000_u64 {
                let start = Instant::now();
                let mut word = round.to_le_bytes();
                active.write_all(&word).await.unwrap();
                active.read_exact(&mut word).await.unwrap();
                times.push(start.elapsed());
            }
            times.sort_unstable();
            p99 = p99.min(times[times.len() * 99 / 100]);
            if p99 <= bound {
                break;
            }
        }
        println!("p99 {p99:?}");
        assert!(p99 <= bound, "{p99:?}");
        drop(active);
        let killed = Instant::now();
        client.kill();
        while ended.load(SeqCst) < idle() {
            filch::time::sleep(Duration::from_millis(1)).await;
        }
        println!("all ended after {:?}", killed.elapsed());
    });
    wait_until("all descriptors are closed", || descriptors() == before);
}

/// A command that runs another one with a network of its own, after so much setting up; `None` if that is not permitted.
fn in_own_network(set_up: &str) -> Option<Command> {
    let script = format!("set -e; ip link set lo up; {set_up}; exec \"$0\" \"$@\"");
    let mut probe = Command::new("unshare");
    probe.args(["-n", "sh", "-c", &script, "true"]);
    let probed = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !probed.as_ref().is_ok_and(|status| status.success()) {
        println!("not checked: no network namespace can be had: {probed:?}");
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(["-n", "sh", "-c", &script]);
    Some(command)
}

/// A network that swallows what is sent: a connect has no end but a time limit, is overtaken by an address that answers,
/// and leaves no descriptor.
#[test]
fn e73_connects_into_a_hole_end_with_their_time_limit() {
    const NAME: &str = "e73_connects_into_a_hole_end_with_their_time_limit";
    if !is_child() {
        // A cable to nobody, who is known to be there.
        let hole = "ip link add hole type veth peer name nobody; ip link set nobody up; ip link set hole up; \
             ip addr add 10.99.0.1/24 dev hole; \
             ip neigh add 10.99.0.2 lladdr 02:00:00:00:00:99 dev hole nud permanent";
        if let Some(through) = in_own_network(hole) {
            run_child_through(through, NAME, LIMIT, &[]).assert_success();
        }
        return;
    }
    let runtime = workers(2);
    let hole: SocketAddr = "10.99.0.2:80".parse().unwrap();
    runtime.block_on(async {
        drop(common::tcp_pair().await);
        let before = descriptors();
        let attempts = (0..50).map(|_| {
            filch::spawn(timeout(
                Duration::from_millis(200),
                TcpStream::connect(hole),
            ))
        });
        let attempts: Vec<_> = attempts.collect();
        for attempt in attempts {
            assert!(
                attempt.await.unwrap().is_err(),
                "it must not connect, nor fail"
            );
        }
        assert_eq!(descriptors(), before);
        let listener = listener().await;
        let address = listener.local_addr().unwrap();
        let start = Instant::now();
        let stream = TcpStream::connect(&[hole, address][..]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        assert!(start.elapsed() >= Duration::from_millis(240));
        // A connection whose way is cut is silent, and its reader has a time limit, too.
        let (mut server, _) = listener.accept().await.unwrap();
        assert!(
            Command::new("ip")
                .args(["link", "set", "lo", "down"])
                .status()
                .unwrap()
                .success()
        );
        server.write_all(b"lost").await.unwrap();
        let nothing = timeout(Duration::from_millis(100), (&stream).read(&mut [0; 4])).await;
        assert!(nothing.is_err());
        assert!(
            Command::new("ip")
                .args(["link", "set", "lo", "up"])
                .status()
                .unwrap()
                .success()
        );
        // Sent again by the system when the way is there again.
        let mut bytes = [0; 4];
        (&stream).read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"lost");
        let nowhere = TcpStream::connect("198.51.100.1:80").await.unwrap_err();
        assert_eq!(nowhere.kind(), ErrorKind::NetworkUnreachable);
    });
}

/// A name that nobody has, an address that leads nowhere, no address at all: errors that say so, and no descriptor.
#[test]
fn e73_names_and_addresses_that_lead_nowhere_are_errors() {
    const NAME: &str = "e73_names_and_addresses_that_lead_nowhere_are_errors";
    if !is_child() {
        // A resolver that does not answer must not make the test long.
        let environment = [("RES_OPTIONS", "timeout:1 attempts:1")];
        return run_child(NAME, LIMIT, &environment).assert_success();
    }
    workers(1).block_on(async {
        let listener = listener().await;
        let dead = listener.local_addr().unwrap();
        drop(listener);
        let before = descriptors();
        for _ in 0..20 {
            let error = TcpStream::connect(dead).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            let error = TcpStream::connect(&[][..]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(TcpStream::connect("255.255.255.255:9").await.is_err());
        }
        assert!(TcpStream::connect("no-such-host.invalid:80").await.is_err());
        assert_eq!(descriptors(), before);
    });
}

/// What the kernel has counted of connections that found a listener's queue full.
fn overflows() -> u64 {
    let text = std::fs::read_to_string("/proc/net/netstat").unwrap();
    let mut lines = text.lines().filter(|line| line.starts_with("TcpExt:"));
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let mut pairs = names.split(' ').zip(values.split(' '));
    let (_, value) = pairs.find(|(name, _)| *name == "ListenOverflows").unwrap();
    value.parse().unwrap()
}

/// Thousands that connect before the first is accepted: the queue takes them, and none has to come again.
#[test]
fn e75_queue_of_a_listener_takes_thousands() {
    const NAME: &str = "e75_queue_of_a_listener_takes_thousands";
    if !is_child() {
        // In a network of its own, as others count there, too.
        if let Some(through) = in_own_network("true") {
            run_child_through(through, NAME, LIMIT, &[]).assert_success();
        }
        return;
    }
    let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let count = most.trim().parse::<usize>().unwrap().min(3000);
    workers(2).block_on(async {
        let listener = listener().await;
        let address = listener.local_addr().unwrap();
        let before = overflows();
        let clients: Vec<_> = (0..count)
            .map(|_| std::net::TcpStream::connect(address).unwrap())
            .collect();
        for _ in 0..count {
            listener.accept().await.unwrap();
        }
        assert_eq!(overflows(), before);
        drop(clients);
    });
}

/// Passes bytes on in one direction, split, delayed and stalled at random, and then the end.
fn pass(mut from: std::net::TcpStream, mut to: std::net::TcpStream, seed: u64) {
    let mut random = Random::new(seed);
    let mut buffer = [0; 16384];
    loop {
        let room = 1 + random.below(buffer.len() as u64) as usize;
        let count = from.read(&mut buffer[..room]).unwrap();
        if count == 0 {
            return to.shutdown(std::net::Shutdown::Write).unwrap();
        }
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(1 + random.below(rest.len() as u64) as usize);
            match random.below(100) {
                0 => std::thread::sleep(Duration::from_millis(random.below(30))),
                1..20 => std::thread::sleep(Duration::from_micros(random.below(500))),
                _ => {}
            }
            to.write_all(now).unwrap();
            rest = later;
        }
    }
}

/// A bad way: as no module of the kernel for loss and delay can be had everywhere, it is a proxy in user space that delays,
/// splits and stalls (loss is the kernel's to mend). What comes out is what was sent, each way, once.
#[test]
fn e82_bad_ways_deliver_everything_once() {
    const STREAMS: u64 = 6;
    const BYTES: usize = 1 << 20;
    guarded(|| {
        let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let way = proxy.local_addr().unwrap();
        let runtime = workers(2);
        let listener = runtime.block_on(listener());
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for seed in 0..STREAMS {
                let (here, _) = proxy.accept().unwrap();
                let there = std::net::TcpStream::connect(address).unwrap();
                for stream in [&here, &there] {
                    stream.set_nodelay(true).unwrap();
                }
                let back = (there.try_clone().unwrap(), here.try_clone().unwrap());
                std::thread::spawn(move || pass(here, there, seed));
                std::thread::spawn(move || pass(back.0, back.1, seed + 1000));
            }
        });
        /// Sends and receives at once; gives the hashes of what was sent and of what came.
        async fn exchange(stream: TcpStream, seed: u64) -> (u64, u64) {
            let stream = Arc::new(stream);
            let sender = stream.clone();
            let sends = filch::spawn(async move {
                let (mut random, mut hasher) = (Random::new(seed), DefaultHasher::new());
                let mut left = BYTES;
                while left > 0 {
                    let mut block = vec![0; left.min(1 + random.below(50_000) as usize)];
                    block.fill_with(|| random.next() as u8);
                    (&*sender).write_all(&block).await.unwrap();
                    // One byte at a time, so that it does not matter how it is split.
                    block.iter().for_each(|&byte| hasher.write_u8(byte));
                    left -= block.len();
                }
                (&*sender).close().await.unwrap();
                hasher.finish()
            });
            let (mut hasher, mut count) = (DefaultHasher::new(), 0);
            let mut buffer = vec![0; 20_000];
            loop {
                match (&*stream).read(&mut buffer).await.unwrap() {
                    0 => break,
                    more => {
                        buffer[..more]
                            .iter()
                            .for_each(|&byte| hasher.write_u8(byte));
                        count += more;
                    }
                }
            }
            assert_eq!(count, BYTES);
            (sends.await.unwrap(), hasher.finish())
        }
        runtime.block_on(async {
            let mut pairs = Vec::new();
            for seed in 0..STREAMS {
                let client = TcpStream::connect(way).await.unwrap();
                let (server, _) = listener.accept().await.unwrap();
                pairs.push((
                    filch::spawn(exchange(client, seed)),
                    filch::spawn(exchange(server, seed + 1000)),
                ));
            }
            for (client, server) in pairs {
                let (client, server) = (client.await.unwrap(), server.await.unwrap());
                assert_eq!(client, (server.1, server.0));
            }
        });
    });
}

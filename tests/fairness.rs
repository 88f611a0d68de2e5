//! Who is served when very many want to be: by counts of rounds, not by time.
#![cfg(all(unix, not(any(loom, shuttle))))]

mod common;

use common::workers;
use filch::io::{AsyncReadExt, AsyncWriteExt};
use filch::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const CONNECTIONS: usize = 400;
const ROUNDS: usize = 100;

/// Events that were told first are served first, however many follow: when the connections have made so many rounds on
/// average, none has made less than a quarter of that.
#[test]
fn connections_that_are_always_busy_are_served_in_turn() {
    for count in [1, 2] {
        let rounds = workers(count).block_on(async { filch::spawn(race()).await });
        let rounds = rounds.expect("no connection fails");
        let (least, most) = (rounds.iter().min(), rounds.iter().max());
        assert!(
            least >= Some(&(ROUNDS / 4)),
            "{count} workers: from {least:?} to {most:?} rounds"
        );
    }
}

/// How many rounds each connection has made when all together have made as many as is said above.
async fn race() -> Vec<usize> {
    let done = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (mut client, mut server) = UnixStream::pair().unwrap();
            filch::spawn(async move {
                let mut byte = [0; 16];
                while let Ok(count @ 1..) = server.read(&mut byte).await {
                    if server.write_all(&byte[..count]).await.is_err() {
                        break;
                    }
                }
            })
            .detach();
            let done = done.clone();
            filch::spawn(async move {
                let mut rounds = 0;
                while done.fetch_add(1, Relaxed) < CONNECTIONS * ROUNDS {
                    client.write_all(b"x").await.unwrap();
                    client.read_exact(&mut [0]).await.unwrap();
                    rounds += 1;
                }
                rounds
            })
        })
        .collect();
    let mut rounds = Vec::new();
    for client in clients {
        rounds.push(client.await.unwrap());
    }
    rounds
}

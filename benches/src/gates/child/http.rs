//! hyper's HTTP/1 server under the load of `wrk`.
//!
//! This file owns the server and the reading of what `wrk` prints. It must not know the bounds, nor which runtime it is on.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use filch_bench::process;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};

use super::Readings;
use super::load::since;
use super::net_host::NetHost;
use super::net_load::build;

/// The threads of `wrk`.
const THREADS: &str = "-t2";

/// Serves that many connections for a time, whole seconds and at least one.
pub(super) fn run<H: NetHost>(connections: u64, length: Duration) -> io::Result<Readings> {
    let host = build::<H>()?;
    let server = host.run(async {
        let listener = H::listen().await?;
        let address = H::address(&listener)?;
        H::detach(async move {
            while let Ok(stream) = H::accept(&listener).await {
                H::detach(serve(H::hyper(stream)));
            }
        });
        io::Result::Ok(address)
    })?;
    let cpu = process::cpu_time();
    let report = wrk(server, connections, length)?;
    let cpu = since(cpu);
    let mut readings = vec![
        ("per_s", report.per_second),
        ("p99_us", report.p99_us),
        ("wrong", report.wrong),
    ];
    readings.extend(cpu.map(|cpu| ("cpu_us", cpu.as_secs_f64() * 1e6 / report.requests)));
    Ok(readings)
}

async fn serve(stream: impl hyper::rt::Read + hyper::rt::Write + Unpin) {
    // How a client ends its connection is its affair.
    let _ = http1::Builder::new()
        .serve_connection(stream, service_fn(hello))
        .await;
}

async fn hello(_: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(
        b"Hello, world!",
    ))))
}

/// What `wrk` tells.
#[derive(Debug, PartialEq)]
struct Report {
    per_second: f64,
    requests: f64,
    p99_us: f64,
    /// Answers that are none, and errors of sockets.
    wrong: f64,
}

fn wrk(server: SocketAddr, connections: u64, length: Duration) -> io::Result<Report> {
    let seconds = length.as_secs().max(1);
    let output = Command::new("wrk")
        // Each of its threads has one connection at least.
        .args([THREADS, &format!("-c{}", connections.max(2))])
        .args([&format!("-d{seconds}s"), "--latency"])
        .arg(format!("http://{server}/"))
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let report = parse(&text).filter(|_| output.status.success());
    report.ok_or_else(|| io::Error::other(format!("wrk says: {text}")))
}

fn parse(text: &str) -> Option<Report> {
    let after = |name: &str| {
        let mut lines = text.lines().map(str::trim);
        lines
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    let line = |end: &str| text.lines().find(|line| line.contains(end));
    let requests = line(" requests in ")?.split_whitespace().next()?;
    // `Socket errors: connect 0, read 0, write 0, timeout 0`, where there are any.
    let errors = after("Socket errors:").unwrap_or_default().split(' ');
    let errors = errors.filter_map(|word| word.trim_end_matches(',').parse::<f64>().ok());
    let refusals = after("Non-2xx or 3xx responses:").unwrap_or("0");
    Some(Report {
        per_second: after("Requests/sec:")?.parse().ok()?,
        requests: requests.parse().ok()?,
        p99_us: micros(after("99%")?)?,
        wrong: errors.sum::<f64>() + refusals.parse::<f64>().ok()?,
    })
}

/// Reads a duration such as `1.51ms`.
fn micros(text: &str) -> Option<f64> {
    let unit_at = text.find(|c: char| c.is_alphabetic())?;
    let (number, unit) = text.split_at(unit_at);
    let scale = match unit {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        "m" => 60e6,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
Running 3s test @ http://127.0.0.1:8080/
  2 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   563.96us  490.61us  10.61ms   92.53%
    Req/Sec    59.36k     4.36k   68.44k    66.67%
  Latency Distribution
     50%  451.00us
     75%  628.00us
     90%    0.95ms
     99%    2.51ms
  354301 requests in 3.00s, 30.07MB read
Requests/sec: 117998.79
Transfer/sec:     10.02MB
";

    #[test]
    fn what_wrk_prints_is_read() {
        let mut report = Report {
            per_second: 117_998.79,
            requests: 354_301.0,
            p99_us: 2_510.0,
            wrong: 0.0,
        };
        assert_eq!(parse(TEXT), Some(report));
        let errors = "  Socket errors: connect 0, read 3, write 0, timeout 1\n  Non-2xx or 3xx responses: 5\nRequests";
        report = parse(&TEXT.replace("Requests", errors)).unwrap();
        assert_eq!(report.wrong, 9.0);
        assert_eq!(parse(&TEXT.replace("99%", "98%")), None);
        assert_eq!(parse("unable to connect"), None);
    }
}

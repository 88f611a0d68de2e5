//! How the examples of methods that several types share come to a value: what stands before the example of a type.

/// The beginning of an example, which binds `it`.
macro_rules! setup {
    (TcpStream) => {
        "# use filch::net::{TcpListener, TcpStream};\n\
         # let listener = TcpListener::bind(\"127.0.0.1:0\").await?;\n\
         let it = TcpStream::connect(listener.local_addr()?).await?;\n"
    };
    (TcpListener) => {
        "let it = filch::net::TcpListener::bind(\"127.0.0.1:0\").await?;\n"
    };
    (TcpSocket) => {
        "let it = filch::net::TcpSocket::new_v4()?;\n"
    };
    (UdpSocket) => {
        "let it = filch::net::UdpSocket::bind(\"127.0.0.1:0\").await?;\n"
    };
    (UnixStream) => {
        "let (it, _other) = filch::net::UnixStream::pair()?;\n"
    };
    (UnixDatagram) => {
        "let (it, _other) = filch::net::UnixDatagram::pair()?;\n"
    };
    (UnixListener) => {
        "# let path = std::env::temp_dir().join(format!(\"filch-doc-{}-{:p}\", std::process::id(), &0));\n\
         let it = filch::net::UnixListener::bind(&path)?;\n\
         # std::fs::remove_file(&path)?;\n"
    };
}

/// A whole example: the setup, and lines that follow; `no_run` if it is only compiled.
macro_rules! example {
    ($name:tt, $lines:expr) => {
        $crate::io::net::setup::example!($name, $lines; rust)
    };
    ($name:tt, $lines:expr; $kind:ident) => {
        concat!(
            "```",
            stringify!($kind),
            "\n# filch::block_on(async {\n",
            $crate::io::net::setup::setup!($name),
            $lines,
            "\n# Ok::<(), std::io::Error>(())\n# }).unwrap();\n```"
        )
    };
}

pub(super) use {example, setup};

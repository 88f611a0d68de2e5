//! Functions as macros write them, and every kind of return type.

use std::fmt::Display;
use std::process::Termination;

macro_rules! started {
    ($visibility:vis $name:ident, $output:ty, $workers:literal, $body:block) => {
        #[filch::main(workers = $workers,)]
        $visibility async fn $name() -> $output $body
    };
    ($item:item) => {
        #[filch::main]
        $item
    };
}

started!(private, Option<u8>, 1, { Some(1) });
started!(pub(crate) visible, [u8; 2], 2, { [1; 2] });
started!(
    async fn whole() -> u8 {
        3
    }
);

#[filch::main]
async fn never() -> ! {
    std::process::exit(0)
}

#[filch::main]
async fn opaque() -> impl Display {
    std::future::ready("opaque").await
}

#[filch::main]
async fn bounded() -> u8
where
    u8: Copy,
{
    4
}

#[filch::main]
async fn r#match() -> Result<u8, Box<dyn std::error::Error>> {
    Ok("5".parse()?)
}

fn main() -> impl Termination {
    assert_eq!(private(), Some(1));
    assert_eq!(visible(), [1, 1]);
    assert_eq!(whole(), 3);
    assert_eq!(opaque().to_string(), "opaque");
    assert_eq!(bounded(), 4);
    assert_eq!(r#match().ok(), Some(5));
    never()
}

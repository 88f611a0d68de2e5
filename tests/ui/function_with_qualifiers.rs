//! Nobody can promise what an unsafe function asks for.

#[filch::main]
async unsafe fn main() {}

#[filch::test]
pub async extern "C" fn answer() {}

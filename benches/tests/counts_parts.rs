//! Tests of the parts of the `counts` program: its readers of the tools' output on samples, its judgement and its report.
//!
//! This file must not run the program or a tool.

// A program has no library to import from, so its modules are compiled in here; each test uses a part of them.
#[allow(dead_code)]
#[path = "../src/counts/args.rs"]
mod args;
#[allow(dead_code)]
#[path = "../src/counts/bounds.rs"]
mod bounds;
#[allow(dead_code)]
#[path = "../src/counts/callgrind.rs"]
mod callgrind;
#[allow(dead_code)]
#[path = "../src/counts/objdump.rs"]
mod objdump;
#[allow(dead_code)]
#[path = "../src/counts/perf.rs"]
mod perf;
#[allow(dead_code)]
#[path = "../src/counts/quantity.rs"]
mod quantity;
#[allow(dead_code)]
#[path = "../src/counts/report.rs"]
mod report;
#[allow(dead_code)]
#[path = "../src/counts/strace.rs"]
mod strace;

use args::{Args, Role};
use bounds::{Bounds, Verdict};
use callgrind::Profile;
use objdump::{Disassembly, is_locked};
use quantity::{Quantity, Reading, Readings};
use report::Row;
use std::path::PathBuf;

const DUMP: &str = "\
# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 4318
cmd:  ./program --child
part: 1

positions: instr
events: Ir
summary: 1019

ob=/lib/libc.so.6
fl=start.h
fn=(below main)
0x271d0 1
cob=/tmp/program
cfi=main.rs
cfn=main
calls=1 0x1000
0x271d7 1018

ob=/tmp/program
fl=main.rs
fn=main
0x1000 4
fi=atomic.rs
0x1004 4
fe=main.rs
cfn=work
calls=4 0x2000
0x1009 1000
0x1009 4
0x100e

fn=work
0x2000 500
0x2004 500

ob=/lib/libc.so.6
fn=malloc
0x1004 6
totals: 1019
";

const LISTING: &str = "
/tmp/program:     file format elf64-x86-64


Disassembly of section .text:

0000000000001000 <main>:
    1000:\tmov    $0x1,%eax
    1004:\tlock xadd %rax,0x45930(%rip)        # 46940 <CELL>
    1009:\tcall   2000 <work>
    100e:\tret

0000000000002000 <work>:
    2000:\txchg   %rax,(%rdi)
    2004:\txchg   %ax,%ax
";

fn profile() -> Profile {
    Profile::parse(DUMP, "/tmp/program").expect("the sample is well formed")
}

#[test]
fn callgrind_counts_own_cost_once_and_keeps_the_addresses_of_one_object() {
    let profile = profile();
    assert_eq!(
        profile.total, 1019,
        "inclusive costs after calls= are not added"
    );
    let mut functions: Vec<_> = profile.functions().collect();
    functions.sort_unstable();
    assert_eq!(
        functions,
        [
            ("(below main)", 1),
            ("main", 12),
            ("malloc", 6),
            ("work", 1000)
        ]
    );
    let mut addresses: Vec<_> = profile.addresses().collect();
    addresses.sort_unstable();
    let main = |address, times| (address, "main", times);
    let work = |address| (address, "work", 500);
    assert_eq!(
        addresses,
        [
            main(0x1000, 4),
            main(0x1004, 4),
            main(0x1009, 4),
            main(0x100e, 0),
            work(0x2000),
            work(0x2004)
        ]
    );
}

#[test]
fn callgrind_refuses_what_does_not_add_up() {
    let error = |text: &str| Profile::parse(text, "/tmp/program").expect_err("it is not usable");
    assert!(error(&DUMP.replace("totals: 1019", "totals: 1020")).contains("add up to 1019"));
    assert!(error(&DUMP.replace("totals: 1019", "")).contains("no totals"));
    assert!(
        error(&DUMP.replace("positions: instr", "positions: line"))
            .contains("no instruction addresses")
    );
    assert!(error(&DUMP.replace("0x2004 500", "0x2004 many")).contains("0x2004 many"));
    assert!(error("").contains("no instruction addresses"));
}

#[test]
fn objdump_tells_locked_instructions() {
    for locked in [
        "lock xadd %rax,0x45930(%rip)        # 46940 <CELL>",
        "lock cmpxchg16b (%rsi)",
        "lock orl $0x0,-0x40(%rsp)",
        "rex.W lock incq (%rax)",
        "xchg   %rax,(%rdi)",
        "xchg   %al,0x8(%rax,%rbx,8)",
        "xchg   %al,0x45930(%rip)        # 46940 <CELL>",
        "xchg   %rax,%fs:0x10",
        "mfence",
    ] {
        assert!(is_locked(locked), "{locked}");
    }
    for plain in [
        "xchg   %ax,%ax",
        "data16 xchg %ax,%ax",
        "xchg   %rax,%rdx",
        "mov    0x10(%rdi),%rax",
        "call   2000 <lock_mutex>",
        "jmp    2000 <spin lock>",
        "lfence",
        "sfence",
        "cmpxchg %rcx,(%rdi)",
        "",
    ] {
        assert!(!is_locked(plain), "{plain}");
    }
}

#[test]
fn locked_instructions_are_weighted_by_their_executions() {
    let profile = profile();
    let disassembly = Disassembly::parse(LISTING).expect("the sample is well formed");
    let locked = disassembly
        .locked_by_function(&profile)
        .expect("every address is listed");
    assert_eq!(locked.len(), 2);
    assert_eq!(
        locked["main"], 4,
        "the same address in another object is another instruction"
    );
    assert_eq!(locked["work"], 500);
}

#[test]
fn a_listing_of_another_program_is_refused() {
    let elsewhere = Disassembly::parse("    9000:\tlock incl (%rax)\n").expect("it is a listing");
    let why = elsewhere
        .locked_by_function(&profile())
        .expect_err("no address is listed");
    assert_eq!(why, "objdump lists 0 of the 6 addresses that callgrind saw");
    assert_eq!(
        Disassembly::parse("no such file").expect_err("it is none"),
        "objdump listed no instructions"
    );
}

#[test]
fn strace_calls_are_summed_with_and_without_errors() {
    let table = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ------------------
 98.21    0.401234          10     40012         3 futex
  1.79    0.000011           0        57           mmap
  0.00    0.000000           0         1         1 access
------ ----------- ----------- --------- --------- ------------------
100.00    0.401245                 40070         4 total
";
    assert_eq!(strace::calls(table), Ok(40_070));
    assert!(
        strace::calls("")
            .expect_err("there is no table")
            .contains("no table")
    );
    assert!(
        strace::calls(&table.replace("        57           mmap", " mmap"))
            .expect_err("a number lacks")
            .contains("mmap")
    );
    let cut = table.split_once("  0.00").expect("the row is there").0;
    assert!(
        strace::calls(cut).is_err(),
        "a table without its end is not trusted"
    );
}

#[test]
fn perf_counts_are_found_by_their_event() {
    let table = "# started on a day\n\n19347,,raw_syscalls:sys_enter,9117052,100.00,,\n";
    assert_eq!(perf::calls(table), Ok(19_347));
    let uncounted = table.replace("19347", "<not counted>");
    assert_eq!(
        perf::calls(&uncounted).expect_err("there is no number"),
        "perf wrote `<not counted>` for the number of system calls"
    );
    let other = table.replace("sys_enter", "sys_exit");
    for text in ["", &other] {
        assert_eq!(
            perf::calls(text).expect_err("there is no count"),
            "perf wrote no count"
        );
    }
}

#[test]
fn bounds_are_read_in_any_column_order() {
    let text = "# a comment\n\noperation rmw instructions # names\nspawn 4 220\nyield - 140.5\n";
    let bounds = Bounds::parse(text).expect("it is well formed");
    assert_eq!(bounds.operations().collect::<Vec<_>>(), ["spawn", "yield"]);
    assert_eq!(bounds.bound("spawn", Quantity::Instructions), Some(220.0));
    assert_eq!(bounds.bound("spawn", Quantity::Rmw), Some(4.0));
    assert_eq!(bounds.bound("spawn", Quantity::Syscalls), None);
    assert_eq!(bounds.bound("yield", Quantity::Rmw), None);
    assert_eq!(bounds.bound("yield", Quantity::Instructions), Some(140.5));
    assert_eq!(bounds.bound("sleep", Quantity::Rmw), None);
}

#[test]
fn malformed_bounds_name_the_line() {
    for (text, why) in [
        ("", "there is no row that names the columns"),
        (
            "spawn 1\n",
            "line 1: the first row starts with `operation`, not `spawn`",
        ),
        (
            "operation rmw cycles\n",
            "line 1: there is no quantity `cycles`",
        ),
        ("operation rmw rmw\n", "line 1: `rmw` is named twice"),
        (
            "operation rmw\nspawn\n",
            "line 2: `spawn` has 0 bounds for 1 columns",
        ),
        (
            "operation rmw\nspawn 1 2\n",
            "line 2: `spawn` has 2 bounds for 1 columns",
        ),
        (
            "operation rmw\nspawn 1\n#\nspawn 2\n",
            "line 4: `spawn` is bounded twice",
        ),
        (
            "operation rmw\nspawn -1\n",
            "line 2: `-1` is neither `-` nor a bound of at least 0",
        ),
        (
            "operation rmw\nspawn inf\n",
            "line 2: `inf` is neither `-` nor a bound of at least 0",
        ),
        (
            "operation rmw\nspawn few\n",
            "line 2: `few` is neither `-` nor a bound of at least 0",
        ),
    ] {
        assert_eq!(Bounds::parse(text), Err(why.to_owned()), "{text:?}");
    }
}

#[test]
fn a_reading_is_judged_by_its_bound() {
    let of = |value, bound| Verdict::of(Quantity::Rmw, &Reading::PerOperation(value), bound, false);
    assert_eq!(of(1e9, None), Verdict::Unbounded);
    assert_eq!(of(4.0, Some(4.0)), Verdict::Met);
    assert_eq!(
        of(4.08, Some(4.0)),
        Verdict::Met,
        "the slack is 1 % and 0.05"
    );
    assert_eq!(of(4.1, Some(4.0)), Verdict::Exceeded);
    assert_eq!(of(0.02, Some(0.0)), Verdict::Met);
    assert_eq!(of(0.06, Some(0.0)), Verdict::Exceeded);
    let missing = Reading::Missing("no valgrind".to_owned());
    assert_eq!(
        Verdict::of(Quantity::Rmw, &missing, Some(4.0), false),
        Verdict::NotChecked("no valgrind".to_owned())
    );
    assert_eq!(
        Verdict::of(Quantity::Rmw, &missing, None, false),
        Verdict::Unbounded
    );
}

#[test]
fn a_debug_build_is_not_judged_by_its_instructions() {
    let of = |quantity| Verdict::of(quantity, &Reading::PerOperation(9.0), Some(1.0), true);
    assert_eq!(
        of(Quantity::Instructions),
        Verdict::NotChecked("debug build".to_owned())
    );
    assert_eq!(of(Quantity::Rmw), Verdict::Exceeded);
}

#[test]
fn a_slope_leaves_out_what_both_runs_share() {
    assert_eq!(
        Reading::slope(1_000_300, 1_000_600, 100),
        Reading::PerOperation(3.0)
    );
    assert_eq!(Reading::slope(7, 5, 4), Reading::PerOperation(-0.5));
}

fn sample_rows() -> Vec<Row> {
    let bounds = Bounds::parse(
        "operation instructions rmw allocations syscalls\nspawn 220 4 0 0\nyield 140 2 - -\n",
    )
    .expect("it is well formed");
    let value = Reading::PerOperation;
    let missing = |why: &str| Reading::Missing(why.to_owned());
    let spawn: Readings = [
        value(230.26),
        value(4.0),
        value(1.0),
        value(64.0),
        missing("no strace"),
    ];
    let of_yield: Readings = [
        value(101.0),
        value(2.0),
        value(-0.0001),
        value(0.0),
        value(0.0),
    ];
    let plain: Readings = [value(1.0), value(0.0), value(0.0), value(0.0), value(0.0)];
    vec![
        Row::new("spawn", spawn, &bounds, false),
        Row::new("yield", of_yield, &bounds, false),
        Row::new("other", plain, &bounds, false),
    ]
}

#[test]
fn the_table_is_aligned_and_says_what_is_wrong() {
    let rows = sample_rows();
    assert_eq!(
        rows.iter().map(Row::exceeded).collect::<Vec<_>>(),
        [true, false, false]
    );
    assert_eq!(
        rows.iter().map(Row::unchecked).collect::<Vec<_>>(),
        [true, false, false]
    );
    let expected = [
        "operation  instructions     rmw  allocations  bytes  syscalls  verdict",
        "spawn         230.3/220  4.00/4       1.00/0   64.0       -/0  \
         EXCEEDED: instructions, allocations; not checked: no strace (syscalls)",
        "yield         101.0/140  2.00/2         0.00    0.0      0.00  ok",
        "other               1.0    0.00         0.00    0.0      0.00  no bounds",
    ];
    assert_eq!(report::table(&rows).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn the_json_has_a_member_per_operation() {
    let expected = [
        r#"{"spawn": {"instructions": 230.260, "rmw": 4.000, "allocations": 1.000, "bytes": 64.000, "syscalls": null, "exceeded": ["instructions", "allocations"], "not_checked": {"syscalls": "no strace"}},"#,
        r#" "yield": {"instructions": 101.000, "rmw": 2.000, "allocations": 0.000, "bytes": 0.000, "syscalls": 0.000, "exceeded": [], "not_checked": {}},"#,
        r#" "other": {"instructions": 1.000, "rmw": 0.000, "allocations": 0.000, "bytes": 0.000, "syscalls": 0.000, "exceeded": [], "not_checked": {}}}"#,
    ];
    assert_eq!(
        report::json(&sample_rows()).lines().collect::<Vec<_>>(),
        expected
    );
    let odd: Readings = std::array::from_fn(|_| Reading::Missing("a \"b\"\\\n".to_owned()));
    let text = report::json(&[Row::new("odd", odd, &Bounds::none(), false)]);
    assert!(text.contains(r#""rmw": "a \"b\"\\\u000a""#), "{text}");
}

#[test]
fn the_command_line_is_read() {
    let parse = |line: &str| Args::parse(line.split_whitespace().map(str::to_owned));
    let args =
        parse("--only spawn --only join --json --bounds b --strict").expect("it is well formed");
    assert_eq!(
        (args.role, args.only),
        (Role::Report, vec!["spawn".to_owned(), "join".to_owned()])
    );
    assert!(args.json && args.strict && !args.no_check);
    assert_eq!(args.bounds, Some(PathBuf::from("b")));
    let child = parse("--subject x --child spawn --n 7 --allocations").expect("it is well formed");
    let operation = "spawn".to_owned();
    assert_eq!(
        child.role,
        Role::Child {
            operation,
            n: 7,
            other_end: None,
            count_allocations: true
        }
    );
    let child = parse("--child echo_1 --n 7 --other-end 127.0.0.1:8").expect("it is well formed");
    assert!(
        matches!(child.role, Role::Child { other_end: Some(address), .. } if address.port() == 8)
    );
    for (line, why) in [
        ("--only", "--only needs a value"),
        ("--quiet", "unknown option `--quiet`"),
        ("--child spawn", "--child and --n are used together"),
        ("--allocations", "--child and --n are used together"),
        (
            "--other-end 127.0.0.1:8",
            "--child and --n are used together",
        ),
        (
            "--child spawn --n 1 --other-end here",
            "--other-end needs an address and a port, not `here`",
        ),
        ("--child spawn --n x", "--n needs a whole number, not `x`"),
        (
            "--no-check --bounds b",
            "--no-check contradicts --bounds and --strict",
        ),
    ] {
        assert_eq!(parse(line).expect_err(line), why);
    }
}

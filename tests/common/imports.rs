//! Which file of the library names which: a small reader of paths that begin with `crate::` or `super::`.

use super::source::{library_files, root};
use std::collections::{BTreeMap, BTreeSet};

/// A file by its path in the package, such as `runtime/task/cell.rs`.
pub(crate) type File = String;

/// For each file of the library the files that it names. Tests and models, which may know everything, are left out.
pub(crate) fn imports() -> BTreeMap<File, BTreeSet<File>> {
    let library = Library::read();
    let mut arrows = BTreeMap::new();
    for (module, (file, code)) in &library.modules {
        let targets = paths(code)
            .into_iter()
            .filter_map(|path| library.resolve(module, &path))
            .filter(|target| target != file)
            .collect();
        arrows.insert(file.clone(), targets);
    }
    arrows
}

type Module = Vec<String>;

struct Library {
    modules: BTreeMap<Module, (File, String)>,
}

impl Library {
    fn read() -> Self {
        let root = root();
        let mut modules = BTreeMap::new();
        for path in library_files() {
            let file = path.strip_prefix(&root).expect("in the package");
            let file = file.to_string_lossy().replace('\\', "/");
            let mut module: Module = file
                .trim_end_matches(".rs")
                .split('/')
                .map(String::from)
                .collect();
            if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
                module.pop();
            }
            let for_tests = ["tests", "model", "modelled", "wait_modelled", "shuttle"];
            if module.iter().any(|name| for_tests.contains(&name.as_str())) {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a source file");
            modules.insert(module, (file, without_comments_and_tests(&text)));
        }
        Self { modules }
    }

    /// The file in which a path of `module` ends, looking through re-exports of children.
    fn resolve(&self, module: &Module, path: &[String]) -> Option<File> {
        let mut names = path.iter().peekable();
        let mut at: Module = match names.next()?.as_str() {
            "crate" => Vec::new(),
            _ => module[..module.len().saturating_sub(1)].to_vec(),
        };
        while names.next_if(|name| *name == "super").is_some() {
            at.pop();
        }
        for name in names {
            // The folder `timer` is the public module `time`.
            let name = if at.is_empty() && name == "time" {
                "timer"
            } else {
                name
            };
            let mut below = at.clone();
            below.push(name.to_string());
            if !self.modules.contains_key(&below) {
                return self.item(&at, name);
            }
            at = below;
        }
        Some(self.modules.get(&at)?.0.clone())
    }

    fn item(&self, module: &Module, name: &str) -> Option<File> {
        let (file, code) = self.modules.get(module)?;
        for (at, _) in code.match_indices("use ") {
            let tree = code[at + 4..].split(';').next().unwrap_or_default();
            for path in tree_paths(tree) {
                let mut path: Vec<_> = path.into_iter().collect();
                if path.first().is_some_and(|first| first == "self") {
                    path.remove(0);
                }
                let mut child = module.clone();
                child.push(path.first().cloned().unwrap_or_default());
                if path.len() > 1
                    && path.last().is_some_and(|last| last == name)
                    && self.modules.contains_key(&child)
                {
                    return self.item(&child, name);
                }
            }
        }
        Some(file.clone())
    }
}

fn without_comments_and_tests(text: &str) -> String {
    // By convention a file's own tests stand at its end.
    let text = text.split("\nmod tests {").next().unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// All paths in `code` that begin with `crate` or `super`, groups spread out.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$' || c == ':') {
                found.extend(tree_paths(tree_at(&code[at..])));
            }
        }
    }
    found
}

/// The longest beginning of `code` that is a path, or a path with a group.
fn tree_at(code: &str) -> &str {
    let mut depth = 0_usize;
    let mut colons = false;
    for (at, c) in code.char_indices() {
        match c {
            '{' if depth > 0 || colons => depth += 1,
            '}' if depth == 1 => return &code[..=at],
            '}' if depth > 1 => depth -= 1,
            ',' | ' ' | '\n' | '*' if depth > 0 => {}
            ':' | '_' => {}
            c if c.is_alphanumeric() => {}
            _ => return &code[..at],
        }
        colons = c == ':';
    }
    code
}

/// The paths of a use tree: `a::{b, c::d}` gives `a::b` and `a::c::d`.
fn tree_paths(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let (prefix, group) = match tree.split_once('{') {
        Some((prefix, group)) => (prefix, Some(group.trim_end().trim_end_matches('}'))),
        None => (tree, None),
    };
    let prefix: Vec<String> = prefix
        .split("::")
        .map(|name| {
            name.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_string()
        })
        .filter(|name| !name.is_empty())
        .collect();
    let Some(group) = group else {
        return vec![prefix];
    };
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("never empty").push(c);
    }
    let nested = parts.iter().filter(|part| !part.trim().is_empty());
    nested
        .flat_map(|part| tree_paths(part))
        .map(|path| {
            let rest = path.into_iter().filter(|name| name != "self");
            prefix.iter().cloned().chain(rest).collect()
        })
        .collect()
}

//! The system calls that the unit allows, as a filter of the kernel's.

use std::path::Path;
use std::process::Command;

use seccompiler::{BpfMap, compile_from_json};

use super::Names;
use crate::run::run_quietly;
use crate::unit::Unit;

/// Of `linux/socket.h`.
const FAMILIES: [(&str, u32); 4] = [("AF_UNIX", 1), ("AF_INET", 2), ("AF_INET6", 10), ("AF_NETLINK", 16)];
/// Of `asm-generic/mman-common.h`.
const PROT_WRITE: u32 = 2;
const PROT_EXEC: u32 = 4;

/// The calls of one of systemd's sets, sets inside of it resolved.
pub(super) fn of_systemd(analyze: &Path, set: &str) -> Result<Names, String> {
    let text = run_quietly(Command::new(analyze).args(["--no-pager", "syscall-filter", set]))?;
    let mut names = Names::new();
    for line in text.lines().skip(1).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('@') {
            names.extend(of_systemd(analyze, line)?);
        } else {
            names.insert(line.to_owned());
        }
    }
    Ok(names)
}

/// The filter that the unit means, as seccompiler's JSON. `set` resolves one of systemd's sets.
pub(super) fn filter(unit: &Unit, set: impl Fn(&str) -> Result<Names, String>) -> Result<String, String> {
    let mut allowed = Names::new();
    for line in unit.all("SystemCallFilter") {
        let (refused, words) = line.strip_prefix('~').map_or((false, line), |rest| (true, rest));
        for word in words.split_whitespace() {
            let names = if word.starts_with('@') { set(word)? } else { Names::from([word.to_owned()]) };
            if refused {
                allowed.retain(|name| !names.contains(name));
            } else {
                allowed.extend(names);
            }
        }
    }
    if unit.one("RestrictNamespaces")? == "yes" {
        allowed.retain(|name| !matches!(name.as_str(), "setns" | "unshare"));
    }
    if unit.one("SystemCallErrorNumber")? != "EPERM" {
        return Err("the filter here answers EPERM; the unit says something else".to_owned());
    }
    let mut rules: Vec<String> = Vec::new();
    for name in &allowed {
        let own = match name.as_str() {
            "socket" => families(unit)?,
            "mmap" => vec![without(PROT_WRITE), without(PROT_EXEC)],
            "mprotect" | "pkey_mprotect" => vec![without(PROT_EXEC)],
            _ => vec![String::new()],
        };
        // Names of other architectures have no number here.
        let own = own.into_iter().map(|conditions| format!(r#"{{"syscall":"{name}"{conditions}}}"#));
        rules.extend(own.filter(|rule| compile(&whole(std::slice::from_ref(rule))).is_ok()));
    }
    let filter = whole(&rules);
    compile(&filter).map(|_| filter)
}

fn families(unit: &Unit) -> Result<Vec<String>, String> {
    let number = |name| FAMILIES.iter().find(|(known, _)| *known == name).map(|(_, number)| number);
    let named = unit.one("RestrictAddressFamilies")?.split_whitespace();
    let rule =
        |name| number(name).map(|n| condition(0, "\"eq\"", *n)).ok_or_else(|| format!("{name} has no number here"));
    named.map(rule).collect()
}

/// MemoryDenyWriteExecute: `prot` is the third argument.
fn without(bit: u32) -> String {
    condition(2, &format!(r#"{{"masked_eq":{bit}}}"#), 0)
}

fn condition(argument: u8, operation: &str, value: u32) -> String {
    format!(r#","args":[{{"index":{argument},"type":"dword","op":{operation},"val":{value}}}]"#)
}

fn whole(rules: &[String]) -> String {
    format!(
        r#"{{"service":{{"mismatch_action":{{"errno":1}},"match_action":"allow","filter":[{}]}}}}"#,
        rules.join(",")
    )
}

fn compile(filter: &str) -> Result<BpfMap, String> {
    let here = std::env::consts::ARCH.try_into().map_err(|e| format!("{e}"))?;
    compile_from_json(filter.as_bytes(), here).map_err(|e| format!("the filter cannot be made: {e}"))
}

/// From here on, in this process and in what it becomes.
pub(super) fn apply(file: &Path) -> Result<(), String> {
    let filter = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let filters = compile(&filter)?;
    let filter = filters.get("service").ok_or("there is no filter")?;
    seccompiler::apply_filter(filter).map_err(|e| format!("the filter cannot be set: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_is_what_the_unit_says() {
        let sets = |set: &str| {
            let names: &[&str] = match set {
                "@system-service" => {
                    &["read", "socket", "mmap", "mprotect", "chown", "mount", "unshare", "oldolduname"]
                }
                "@privileged" => &["chown", "mount"],
                _ => &[],
            };
            Ok(names.iter().map(|name| (*name).to_owned()).collect())
        };
        let filter = filter(&Unit::read().unwrap(), sets).unwrap();
        let rules = |name: &str| filter.matches(&format!(r#""syscall":"{name}""#)).count();
        assert_eq!((rules("read"), rules("socket"), rules("mmap"), rules("mprotect")), (1, 4, 2, 1), "{filter}");
        assert_eq!((rules("chown"), rules("mount"), rules("unshare"), rules("oldolduname")), (0, 0, 0, 0), "{filter}");
    }
}

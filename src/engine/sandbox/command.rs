//! The command lines of sandboxed programs.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use super::scratch::Scratch;
use crate::grade::Program;

const SCRIPT: &str = include_str!("box.sh");
const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// `nobody`: what root becomes before it runs foreign code.
const NOBODY: u32 = 65534;

/// Who owns the scratch folder of an isolated program, where it is not us.
pub(super) fn owner() -> Option<u32> {
    rustix::process::geteuid().is_root().then_some(NOBODY)
}

/// The program with all of the isolation.
pub(super) fn isolated(program: &Program, scratch: &Scratch) -> Command {
    let mut words: Vec<OsString> = Vec::new();
    if owner().is_some() {
        // Root in the namespace would be root outside: its files, and no limit on processes.
        let drop = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"];
        words.extend(drop.map(OsString::from));
    }
    let unshare = "unshare --user --map-root-user --mount --net --pid --ipc --uts --fork --kill-child -- sh -c";
    words.extend(unshare.split(' ').map(OsString::from));
    let seconds = program.cpu.as_secs_f64().ceil().max(1.0).to_string();
    words.extend([SCRIPT.into(), "sh".into(), scratch.root().into(), scratch.files().into(), seconds.into()]);
    words.extend(program.argv.iter().map(OsString::from));
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir("/").env_clear();
    command.env("PATH", PATH).env("HOME", "/work").env("LANG", "C.UTF-8");
    attach(&mut command, scratch);
    command
}

/// The program with limits alone.
pub(super) fn limited(
    program: &Program,
    scratch: &Scratch,
    folder: &Path,
    environment: &[(OsString, OsString)],
) -> Command {
    let (name, arguments) = program.argv.split_first().map_or(("", &[][..]), |(name, rest)| (name.as_str(), rest));
    // A path is meant relative to the folder that the program runs in.
    let name = if name.contains('/') { folder.join(name) } else { name.into() };
    let mut command = Command::new(name);
    command.args(arguments).current_dir(folder).env_clear().envs(environment.iter().cloned());
    attach(&mut command, scratch);
    command
}

/// Input from the scratch folder, output to us, a process group of its own so that all of it can be killed.
fn attach(command: &mut Command, scratch: &Scratch) {
    let input = scratch.open_input().map_or_else(|_| Stdio::null(), Stdio::from);
    command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
}

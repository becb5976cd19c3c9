//! What hostile programs try, and what becomes of it. Where namespaces are missing, the refusal is tested instead.

use std::fs;
use std::net::TcpListener;

use super::*;

fn sandbox() -> Sandbox {
    let path = OsString::from("/usr/local/bin:/usr/bin:/bin");
    Sandbox::new(std::env::temp_dir(), std::env::temp_dir(), vec![("PATH".into(), path)])
}

fn program(argv: &[&str], stdin: &str) -> Program {
    Program {
        argv: argv.iter().map(|&word| word.into()).collect(),
        files: vec![("data/in.txt".into(), b"from a file\n".to_vec())],
        stdin: stdin.into(),
        cpu: Duration::from_secs(1),
        isolated: true,
    }
}

/// Runs a shell script in isolation; `None` where this system cannot isolate, and says so.
#[track_caller]
fn shell(script: &str) -> Option<Finished> {
    let sandbox = sandbox();
    let result = sandbox.run(&program(&["sh", "-c", script], "from stdin\n"));
    if let Err(missing) = sandbox.check() {
        assert_eq!(result, Err(missing.clone()), "without isolation nothing runs");
        assert!(missing.contains("unprivileged user namespaces"), "{missing}");
        return None;
    }
    Some(result.expect("the program starts"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_program_has_its_files_its_input_and_its_exit_code() {
    let Some(done) = shell("cat; cat data/in.txt; pwd; echo oops >&2; exit 3") else { return };
    assert_eq!(text(&done.stdout), "from stdin\nfrom a file\n/work\n");
    assert_eq!((text(&done.stderr).as_str(), done.code, done.limit), ("oops\n", Some(3), None));
}

#[test]
fn a_program_that_pretends_to_be_ready_gains_nothing() {
    let Some(done) = shell("echo ready; exit 0") else { return };
    assert_eq!((text(&done.stdout).as_str(), done.code), ("ready\n", Some(0)));
}

#[test]
fn an_exit_before_the_asserts_prints_nothing() {
    let Some(done) = shell("exit 0; echo verdict") else { return };
    assert_eq!((done.stdout.len(), done.code), (0, Some(0)));
}

#[test]
fn an_endless_loop_runs_out_of_processor_time() {
    let Some(done) = shell("while :; do :; done") else { return };
    assert_eq!((done.code, done.limit), (None, Some("cpu")));
}

#[test]
fn endless_loops_in_many_processes_share_one_limit() {
    let Some(done) = shell("for i in 1 2 3 4; do sh -c 'trap \"\" XCPU; while :; do :; done' & done; wait") else {
        return;
    };
    assert_eq!((done.code, done.limit), (None, Some("cpu")));
}

#[test]
fn a_fork_bomb_stays_in_its_box() {
    let Some(done) = shell("f() { f | f & }; f; sleep 0.3; ls /proc | grep -c '^[0-9]'") else { return };
    let alive: u32 = text(&done.stdout).trim().parse().unwrap_or(0);
    assert!(alive <= 70, "{alive} processes");
}

#[test]
fn a_memory_hog_is_stopped() {
    let Some(done) = shell("head -c 3000000000 /dev/zero | tail -c 2900000000 | wc -c") else { return };
    assert!(done.limit == Some("memory") || done.code != Some(0) || text(&done.stdout).trim() == "0", "{done:?}");
}

#[test]
fn nothing_outside_can_be_written_or_read() {
    let secret = std::env::temp_dir().join(format!("llmark-test-{}", std::process::id()));
    fs::write(&secret, "private").unwrap();
    let script = format!(
        "cat {0}; echo x > {0}; for p in /usr/x /etc/x /x /dev/x /opt/x \"$HOME/../x\"; do echo x > $p && echo wrote $p; done; \
         ls /home /root /var /etc/shadow; cat /proc/1/environ; echo 'kept' > own && cat own",
        secret.display()
    );
    let outside = fs::read_to_string(&secret);
    let done = shell(&script);
    fs::remove_file(&secret).unwrap();
    let Some(done) = done else { return };
    assert_eq!(outside.unwrap(), "private");
    assert_eq!(text(&done.stdout), "kept\n", "{}", text(&done.stderr));
}

#[test]
fn a_full_disk_is_its_own() {
    let Some(done) = shell("head -c 200000000 /dev/zero > big; wc -c < big; head -c 200000000 /dev/zero > /tmp/big")
    else {
        return;
    };
    let written: u64 = text(&done.stdout).trim().parse().unwrap_or(0);
    assert!(written <= 64 << 20, "{written}");
}

#[test]
fn there_is_no_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let Some(done) = shell(&format!(
        "ls /sys/class/net; exec 2>/dev/null; perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(\"127.0.0.1:{port}\") ? \"connected\" : \"none\"'; \
         bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected'"
    )) else {
        return;
    };
    assert!(!text(&done.stdout).contains("connected"), "{done:?}");
    assert!(listener.accept().is_err(), "nobody came");
}

#[test]
fn signals_reach_nobody_outside() {
    let Some(done) = shell(&format!("kill -9 {}; kill -9 -1; kill -9 0", std::process::id())) else { return };
    assert_ne!(done.code, Some(0));
}

#[test]
fn a_flood_of_output_is_cut() {
    let Some(done) = shell("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done") else { return };
    assert_eq!((done.code, done.limit), (None, Some("output")));
    assert!(done.stdout.len() <= 64 << 10);
}

#[test]
fn the_environment_is_empty() {
    let Some(done) = shell("env") else { return };
    let names: Vec<String> = text(&done.stdout).lines().filter_map(|l| Some(l.split_once('=')?.0.to_owned())).collect();
    for name in names {
        assert!(["PATH", "HOME", "LANG", "PWD", "SHLVL", "_", "OLDPWD"].contains(&name.as_str()), "{name}");
    }
}

#[test]
fn a_daemon_dies_with_its_program() {
    let mark = format!("7{:07}", std::process::id());
    let Some(done) = shell(&format!("setsid sleep {mark} >/dev/null 2>&1 & exit 0")) else { return };
    assert_eq!(done.code, Some(0));
    let alive = fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        fs::read(entry.path().join("cmdline")).is_ok_and(|line| text(&line).starts_with(&format!("sleep\0{mark}")))
    });
    assert!(!alive);
}

#[test]
fn no_new_privileges_can_be_had() {
    let Some(done) = shell("unshare -U true && echo nested; mount -t tmpfs x /tmp && echo mounted; exit 0") else {
        return;
    };
    assert_eq!(text(&done.stdout), "");
}

#[test]
fn a_missing_interpreter_is_an_error_of_ours() {
    let sandbox = sandbox();
    let error = sandbox.run(&program(&["no-such-interpreter"], "")).unwrap_err();
    assert!(error.contains("no-such-interpreter") || sandbox.check().is_err(), "{error}");
}

#[test]
fn nothing_is_left_behind() {
    let base = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(base.path().to_owned(), base.path().to_owned(), Vec::new());
    let _ = sandbox.run(&program(&["sh", "-c", "echo x > y"], ""));
    let escape = Program { files: vec![("../x".into(), Vec::new())], isolated: false, ..program(&["true"], "") };
    assert!(sandbox.run(&escape).unwrap_err().contains("plain relative"));
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
}

#[test]
fn the_authors_command_sees_only_what_it_is_given() {
    let sandbox = Sandbox::new(
        std::env::temp_dir(),
        std::env::temp_dir(),
        vec![("PATH".into(), "/usr/bin:/bin".into()), ("MARK".into(), "given".into())],
    );
    let command = Program {
        isolated: false,
        files: Vec::new(),
        ..program(&["sh", "-c", "cat; echo $MARK$CARGO_PKG_NAME"], "in ")
    };
    let done = sandbox.run(&command).unwrap();
    assert_eq!((text(&done.stdout).as_str(), done.code), ("in given\n", Some(0)));
    let missing = Program { argv: vec!["no-such-command".into()], ..command };
    assert!(sandbox.run(&missing).unwrap_err().contains("cannot start `no-such-command`"));
}

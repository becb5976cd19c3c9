//! Where keys come from, and where they do not go.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use super::*;

const KEY: &str = "sk-canary-0123456789abcdef";

fn ask(environment: &[(&str, &str)], name: &str, url: &str) -> Result<Option<Secret>, KeyError> {
    let read = |wanted: &str| environment.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).into());
    let known = Url::parse("https://api.openai.com/v1").unwrap();
    let ring = KeyRing::new(&read, [("OPENAI_API_KEY".to_owned(), &known)]);
    ring.find("t", &[name.to_owned()], &Url::parse(url).unwrap())
}

#[track_caller]
fn refused(environment: &[(&str, &str)], name: &str, url: &str, says: &str) {
    let error = ask(environment, name, url).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(text.contains(says), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

#[track_caller]
fn given(environment: &[(&str, &str)], name: &str, url: &str) {
    assert_eq!(ask(environment, name, url), Ok(Some(Secret::new(KEY))));
}

#[test]
fn a_known_key_goes_to_its_own_host_only() {
    let set = [("OPENAI_API_KEY", KEY)];
    given(&set, "OPENAI_API_KEY", "https://api.openai.com/v1");
    given(&set, "OPENAI_API_KEY", "https://API.openai.com:443/v2");
    for elsewhere in [
        "https://evil.example/v1",
        "https://api.openai.com.evil.example/v1",
        "https://api.openai.com@evil.example/",
        "https://api.openai.com:8443/v1",
        "http://127.0.0.1:8080/v1",
    ] {
        refused(&set, "OPENAI_API_KEY", elsewhere, "it is meant for `api.openai.com`");
    }
    refused(&set, "OPENAI_API_KEY", "http://api.openai.com/v1", "over plain http");
}

#[test]
fn an_unknown_variable_stays_on_this_machine() {
    let set = [("GITHUB_TOKEN", KEY)];
    for near in ["http://127.0.0.1:9/v1", "http://localhost:9", "http://[::1]:9", "https://127.9.9.9/"] {
        given(&set, "GITHUB_TOKEN", near);
    }
    for far in ["https://evil.example", "https://localhost.evil.example", "http://10.0.0.1"] {
        refused(&set, "GITHUB_TOKEN", far, "GITHUB_TOKEN_HOSTS=");
    }
}

#[test]
fn the_owner_may_name_further_hosts() {
    let set = [("K", KEY), ("K_HOSTS", "api.a.example, b.example:8443 http://c.example")];
    given(&set, "K", "https://api.a.example/v1");
    given(&set, "K", "https://b.example:8443/v1");
    given(&set, "K", "http://c.example/v1");
    refused(&set, "K", "http://api.a.example/v1", "over plain http");
    refused(&set, "K", "https://b.example/v1", "it is meant for this machine alone");
    given(&[("OPENAI_API_KEY", KEY), ("OPENAI_API_KEY_HOSTS", "127.0.0.1:9")], "OPENAI_API_KEY", "http://127.0.0.1:9/");
}

#[test]
fn plain_http_may_be_allowed_but_opens_no_further_host() {
    let read = |name: &str| matches!(name, "OPENAI_API_KEY" | "K").then(|| KEY.into());
    let known = Url::parse("https://api.openai.com/v1").unwrap();
    let mut ring = KeyRing::new(&read, [("OPENAI_API_KEY".to_owned(), &known)]);
    ring.allow_http = true;
    let find = |name: &str, url: &str| ring.find("t", &[name.to_owned()], &Url::parse(url).unwrap());
    assert_eq!(find("OPENAI_API_KEY", "http://api.openai.com/v1"), Ok(Some(Secret::new(KEY))));
    assert!(matches!(find("OPENAI_API_KEY", "http://evil.example"), Err(KeyError::Host { .. })));
    assert!(matches!(find("K", "http://10.0.0.1"), Err(KeyError::Host { .. })));
}

#[test]
fn keys_come_from_private_files_and_commands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, format!("{KEY}\n")).unwrap();
    let name = path.to_str().unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    refused(&[("K_FILE", name)], "K", "http://localhost/", "chmod 600");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    given(&[("K_FILE", name)], "K", "http://localhost/");
    refused(&[("K_FILE", folder.path().to_str().unwrap())], "K", "http://localhost/", "not a regular file");
    refused(&[("K_FILE", "/dev/zero")], "K", "http://localhost/", "not a regular file");

    given(&[("K_CMD", &format!("cat {name}"))], "K", "http://localhost/");
    refused(&[("K_CMD", &format!("cat {name}; exit 3"))], "K", "http://localhost/", "the command failed");
    let ran = folder.path().join("ran");
    refused(&[("K_CMD", &format!("touch {}", ran.display()))], "K", "https://evil.example/", "not sent");
    assert!(!ran.exists(), "the command of a refused key does not run");
}

#[test]
fn what_is_no_key_is_refused_without_showing_it() {
    for bad in ["canary with spaces", "canary\nsecond: line", "canary-ключ"] {
        refused(&[("K", bad)], "K", "http://localhost/", "one plain word");
    }
    refused(&[("K", "  ")], "K", "http://localhost/", "set K");
    assert_eq!(
        ask(&[], "K", "http://localhost/").unwrap_err(),
        KeyError::Missing { target: "t".into(), names: "K".into(), first: "K".into() }
    );
}

#[test]
fn the_redactor_learns_keys_that_are_not_used() {
    let read = |name: &str| matches!(name, "OPENAI_API_KEY" | "MINE").then(|| KEY.into());
    let known = Url::parse("https://api.openai.com/v1").unwrap();
    let ring = KeyRing::new(&read, [("OPENAI_API_KEY".to_owned(), &known)]);
    assert_eq!(ring.known(["MINE", "UNSET"]).len(), 2);
}

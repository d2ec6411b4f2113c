//! A start with too little memory says so before it begins; one in a folder of somebody else warns and goes on.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::process::{Process, auditwire, text, until};

const MIB: u64 = 1 << 20;

fn within(address_space: u64) -> Command {
    let service = auditwire(&[]);
    let mut command = Command::new("prlimit");
    command.arg(format!("--as={address_space}")).arg(service.get_program()).stdin(Stdio::null());
    command
}

#[test]
fn too_little_address_space_is_told_with_its_numbers_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for (space, what) in [(128, "512 MiB are needed at least"), (1024, "at least 1"), (1500, "at least 1")] {
        let output =
            within(space * MIB).args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{space}: {}", text(&output));
        let said = text(&output);
        assert!(
            said.contains("RLIMIT_AS") && said.contains(&format!("is {space} MiB")) && said.contains(what),
            "{said}"
        );
        assert!(!data.exists());
    }
    // Verbs that ask a service need less.
    assert!(within(1024 * MIB).arg("--version").output().unwrap().status.success());
}

#[test]
fn less_address_space_than_advised_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let processors = std::thread::available_parallelism().unwrap().get() as u64;
    let mut command = within((1536 + 64 * processors) * MIB);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
    command.stderr(Stdio::from(std::fs::File::create(&log).unwrap()));
    let mut process = Process::start(command);
    process.after("listening on ");
    until("a warning", || {
        let log = std::fs::read_to_string(&log).unwrap();
        log.lines().any(|line| line.contains(" WARN ") && line.contains("(RLIMIT_AS) is 1")).then_some(())
    });
    process.signal("TERM");
    assert_eq!(process.exit_code(), Some(0));
}

/// As a volume that an orchestrator gives to a group: the service may write in it, and not change its mode.
#[test]
fn a_folder_of_somebody_else_is_used_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (data, program, log) = (folder.path().join("data"), folder.path().join("auditwire"), folder.path().join("log"));
    std::fs::create_dir(&data).unwrap();
    std::fs::copy(auditwire(&[]).get_program(), &program).unwrap();
    for (path, mode) in [(folder.path(), 0o755), (&*program, 0o755), (&*data, 0o777)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).stdin(Stdio::null());
    if !command.arg("true").status().is_ok_and(|status| status.success()) {
        let required = std::env::var_os("AUDITWIRE_TEST_REAL_REQUIRED").is_some();
        assert!(!required, "another user needs root and setpriv");
        return println!("not run: as another user (it needs root and setpriv)");
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).stdin(Stdio::null());
    command.arg(&program).args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
    command.stderr(Stdio::from(std::fs::File::create(&log).unwrap()));
    let mut process = Process::start(command);
    process.after("listening on ");
    let told = std::fs::read_to_string(&log).unwrap();
    assert!(
        told.lines().any(|line| line.contains(" WARN ") && line.contains("others can read or enter this")),
        "{told}"
    );
    process.signal("TERM");
    assert_eq!(process.exit_code(), Some(0));
}

//! What CI runs.

use crate::run::{cargo, run};

/// House rules, packages, the unit file, formatting, clippy with warnings denied, all tests with real receivers required, the service
/// behind the walls of its unit, fuzz targets guided by coverage, the short faults.
pub(crate) fn run_all() -> Result<(), String> {
    crate::tidy::check()?;
    crate::deny::check()?;
    crate::unit::check()?;
    run(cargo().args(["fmt", "--all", "--check"]))?;
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    crate::test::run(&["--real=require".to_owned()])?;
    crate::confined::run(&[])?;
    crate::fuzz::in_ci()?;
    crate::faults::run(&["short".to_owned()])
}

//! The control plane binary: arguments and environment in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Variables that are not UTF-8 cannot be settings.
    let env = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    tollgate_control_plane::cli::main(std::env::args_os(), env.collect())
}

//! Writes `infra/openapi.json`; with `--check` it only tells whether that is as the code has it.

use std::path::Path;
use std::process::ExitCode;

#[expect(clippy::print_stdout, reason = "a command-line tool talks to its user")]
fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/openapi.json");
    let text = tests::openapi::text()?;
    if !std::env::args().any(|argument| argument == "--check") {
        std::fs::write(&file, text)?;
        return Ok(ExitCode::SUCCESS);
    }
    if std::fs::read_to_string(&file).unwrap_or_default() == text {
        return Ok(ExitCode::SUCCESS);
    }
    println!("infra/openapi.json is not what the code says: run `cargo run -p tests --bin openapi` and commit it");
    Ok(ExitCode::FAILURE)
}

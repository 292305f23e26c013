//! The functions' processes. A test kills them as the machine under a Lambda function can die: at any moment, with no word.

use std::fs;

use super::stack::stack;

/// SIGKILL to every process that runs this function for this stack, and for no other. Answers how many there were.
pub(crate) fn kill(function: &str) -> usize {
    let marks = [
        format!("AWS_LAMBDA_FUNCTION_NAME={}", stack().functions[function]),
        format!("AWS_ENDPOINT_URL={}", stack().aws_endpoint),
    ];
    let mut killed = 0;
    for process in fs::read_dir("/proc").expect("Linux: processes are found in /proc").flatten() {
        let Some(pid) = process
            .file_name()
            .to_str()
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
            .map(str::to_owned)
        else {
            continue;
        };
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        let variables: Vec<&[u8]> = environment.split(|byte| *byte == 0).collect();
        if marks.iter().all(|mark| variables.contains(&mark.as_bytes())) {
            // It may have ended by itself meanwhile.
            let status = std::process::Command::new("kill").args(["-KILL", &pid]).status().expect("kill runs");
            killed += usize::from(status.success());
        }
    }
    killed
}

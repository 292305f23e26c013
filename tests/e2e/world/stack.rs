//! The stack that is up: what the local stack wrote down of itself.

use std::collections::BTreeMap;
use std::env;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::Deserialize;

/// `stack.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Stack {
    pub(crate) api_url: String,
    pub(crate) simulator_url: String,
    pub(crate) aws_endpoint: String,
    pub(crate) region: String,
    pub(crate) tokens: Tokens,
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) tables: BTreeMap<String, String>,
    pub(crate) queues: BTreeMap<String, String>,
    pub(crate) buckets: BTreeMap<String, String>,
    pub(crate) functions: BTreeMap<String, String>,
    /// The folder of the functions' logs.
    pub(crate) logs: PathBuf,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Tokens {
    /// All scopes, raised limits.
    pub(crate) admin: String,
}

impl Stack {
    pub(crate) fn secret(&self, name: &str) -> &str {
        self.secrets.get(name).unwrap_or_else(|| panic!("stack.json names no secret {name}"))
    }
}

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace")
}

pub(crate) fn stack() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| {
        let file = env::var_os("STACK_JSON").map_or_else(
            || root().join(env::var_os("LOCAL_DIR").unwrap_or(".local".into())).join("stack.json"),
            PathBuf::from,
        );
        let text = std::fs::read_to_string(&file)
            .unwrap_or_else(|_| panic!("no stack is up ({} is not there); start one with: make up", file.display()));
        let stack: Stack = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{} is not of a stack that is up: {error}", file.display()));
        let answers = |url: &str| TcpStream::connect(url.trim_start_matches("http://")).is_ok();
        for url in [&stack.api_url, &stack.simulator_url, &stack.aws_endpoint] {
            assert!(answers(url), "no stack answers at {url}; start one with: make up");
        }
        stack
    })
}

"""Builds the functions and the simulator with one cargo command, and packs each function as Lambda takes it.

One command with the host's own target, so that the functions, the simulator and the tests share every compiled
dependency. (`cargo lambda build` names a target of its own and would compile them all a second time.)
"""

import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

from . import processes
from .progress import Failure, Heartbeat, step
from .settings import ROOT, Settings

TEMPLATE = ROOT / "template.yaml"


@dataclass(frozen=True)
class Build:
    functions: dict[str, Path]  # function name -> bootstrap binary
    simulator: Path


def template() -> dict[str, Any]:
    return yaml_parse(TEMPLATE.read_text())


def function_names(document: dict[str, Any]) -> dict[str, str]:
    """Logical id -> function name, which is also its crate's and its binary's: the last part of CodeUri."""
    return {
        logical: Path(resource["Properties"]["CodeUri"]).name
        for logical, resource in document["Resources"].items()
        if isinstance(resource, dict) and resource.get("Type") == "AWS::Serverless::Function"
    }


def build(settings: Settings, document: dict[str, Any]) -> Build:
    names = sorted(function_names(document).values())
    if settings.artifacts:
        made = Build({name: settings.artifacts / name / "bootstrap" for name in names}, settings.artifacts / "simulator")
        for path in (*made.functions.values(), made.simulator):
            if not path.is_file():
                raise Failure(f"ARTIFACT_DIR is set, but {path} does not exist")
        return made
    if not shutil.which("cargo"):
        raise Failure("cargo is missing; install Rust from https://rustup.rs")
    first = "" if settings.stack_file.parent.joinpath("logs", "build.log").exists() else " (some minutes the first time)"
    with step(f"Building the functions and the simulator{first}"):
        binaries = _cargo_build(settings, [*names, "simulator"])
    return Build({name: binaries[name] for name in names}, binaries["simulator"])


def fault_proxy(settings: Settings) -> Path:
    """The proxy that breaks requests between the functions and the emulator."""
    with step("Building the fault proxy"):
        return _cargo_build(settings, ["fault_proxy"], "tests")["fault_proxy"]


def _cargo_build(settings: Settings, names: list[str], package: str | None = None) -> dict[str, Path]:
    """Where cargo put each binary. What the compiler says is in the log, and on the terminal if it fails."""
    command = ["cargo", "build", "--profile", settings.profile, "--message-format=json-render-diagnostics"]
    for name in names:
        command += ["--package", package or name, "--bin", name]
    log = settings.logs / "build.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    binaries: dict[str, Path] = {}
    compiled = 0
    # A thread beats, so that one slow crate does not look like a hang.
    with log.open("wb") as diagnostics, Heartbeat() as heartbeat:
        cargo = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=diagnostics, start_new_session=True
        )
        try:
            for line in cargo.stdout or ():
                message = json.loads(line)
                if message.get("reason") == "compiler-artifact":
                    compiled += not message["fresh"]
                    heartbeat.text = f"compiled {compiled} crates, last {message['target']['name']}"
                    if message.get("executable") and message["target"]["name"] in names:
                        binaries[message["target"]["name"]] = Path(message["executable"])
            code = cargo.wait()
        finally:
            processes.end_group(cargo)
    if code != 0:
        lines = log.read_text(errors="replace").splitlines()
        print("\n".join(line for line in lines if not line.lstrip().startswith(("Compiling ", "Downloaded ", "Locking "))))
        reason = next((line for line in reversed(lines) if line.startswith("error")), "cargo failed")
        raise Failure(f"The build failed: {reason.removeprefix('error: ')} (all of it: {log})")
    missing = [name for name in names if name not in binaries]
    if missing:
        raise Failure(f"cargo built no binary named {', '.join(missing)}")
    return binaries


def package(binary: Path) -> tuple[str, bytes]:
    """The deployment package of a bootstrap binary and the hash it is known by. Stored, not deflated: it travels nowhere."""
    content = binary.read_bytes()
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o100755 << 16
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(entry, content)
    return digest(content), packed.getvalue()


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def host_environment() -> dict[str, str]:
    """What a process we start may see of our environment: neither proxies nor AWS credentials nor provider settings."""
    kept = ("PATH", "LANG", "LC_ALL", "TZ", "TERM", "SSL_CERT_FILE", "SSL_CERT_DIR", "RUST_BACKTRACE")
    return {name: os.environ[name] for name in kept if name in os.environ}

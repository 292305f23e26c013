"""Starting and stopping. Every process leads a group of its own, so that it can be ended with all its children and
with nothing else: MiniStack runs the functions as children of itself."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from .progress import Failure

# No proxy: everything we call is on this machine.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def require_free_ports(ports: dict[str, int]) -> None:
    for variable, port in ports.items():
        with socket.socket() as probe:
            probe.settimeout(1)
            taken = probe.connect_ex(("127.0.0.1", port)) == 0
        if not taken:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    taken = True
        if taken:
            raise Failure(f"Port {port} is in use by another program; choose a free one: make … {variable}=NNNN")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(command: Sequence[str], env: dict[str, str], log: Path, *, bound_to_us: bool) -> subprocess.Popen[bytes]:
    """Starts a process that writes to `log`. `bound_to_us`: it also ends when we are killed (Linux)."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent if bound_to_us and sys.platform == "linux" else None,
        )


def _end_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str, log: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise Failure(f"{name} ended at once: {last_line(log)} (all of it: {log})")
        if time.monotonic() > deadline:
            raise Failure(f"{name} did not answer within {seconds:.0f} s; see {log}")
        time.sleep(0.05)


def last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()] if log.exists() else []
    return lines[-1].strip() if lines else "it printed nothing"


def answers(url: str) -> bool:
    try:
        with _OPENER.open(url, timeout=2) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def is_running(pid: int, mark: str) -> bool:
    """Whether `pid` is alive and is the process we started: its command line carries `mark`."""
    if sys.platform == "linux":  # a slim container has no ps; a zombie's command line is empty
        try:
            return mark in Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return False
    found = subprocess.run(["ps", "-ww", "-o", "stat=,args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    line = found.stdout.strip()
    return mark in line and not line.startswith("Z")


def stop(pid: int, mark: str, grace: float = 8) -> None:
    """Ends a process and its children, first politely. One that is not ours any more is left alone."""
    if not is_running(pid, mark):
        return
    _signal_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while is_running(pid, mark) and time.monotonic() < deadline:
        _reap(pid)
        time.sleep(0.02)
    _signal_group(pid, signal.SIGKILL)
    _reap(pid)


def run_to_end(command: Sequence[str], *, env: dict[str, str] | None = None, cwd: Path | None = None) -> int:
    """Runs a command on our terminal and gives its exit code; if we are stopped, so are it and its children."""
    process = subprocess.Popen(command, env=env, cwd=cwd, start_new_session=True, stdin=subprocess.DEVNULL)
    try:
        return process.wait()
    finally:
        end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            pass
    _signal_group(process.pid, signal.SIGKILL)


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass

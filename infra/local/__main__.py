"""The commands: `python -m local COMMAND`, usually through `make COMMAND`."""

import argparse
import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from . import deploy, processes, settings
from .demo import first_messages, print_addresses
from .progress import Failure, say
from .stack import Stack


def up(config: settings.Settings) -> int:
    record = Stack(config).up(bound_to_us=False)
    say(f"Up: {record['api_url']} (simulator {record['simulator_url']}, details in {config.stack_file}); stop with: make down")
    return 0


def run(config: settings.Settings) -> int:
    stack = Stack(config)
    try:
        record = stack.up(bound_to_us=True)
        first_messages(record)
        say("Ready")
        print_addresses(record)
        if not config.once:
            print("  Ctrl-C stops it all." if stack.started_anything() else "  Ctrl-C ends this; `make down` stops the stack.", flush=True)
            _stay(stack)
    finally:
        try:
            if stack.started_anything():
                say("Stopping")
        finally:  # even if nobody reads our output any more
            stack.stop_started()
    return 0


def _stay(stack: Stack) -> None:
    while stack.running("ministack") and stack.running("simulator"):
        time.sleep(1)
    raise Failure("The stack was stopped from outside, or MiniStack or the simulator ended; see .local/logs")


def down(config: settings.Settings) -> int:
    say("Stopped" if Stack(config).down() else "Nothing was running")
    return 0


def status(config: settings.Settings) -> int:
    stack = Stack(config)
    if not stack.is_up():
        say("Down")
        return 1
    say("Up")
    print_addresses(stack.recorded())
    return 0


def test(config: settings.Settings) -> int:
    """Unit tests; then the end-to-end tests on a stack of their own, so that a running one is not disturbed."""
    code = cargo(config, ["test", "--workspace", "--exclude", "tests"])
    if code != 0:
        return code
    if not (settings.ROOT / "tests" / "Cargo.toml").exists():
        say("There are no end-to-end tests")
        return 0
    own = _for_tests(config)
    stack = Stack(own)
    stack.down()  # what a killed test run left behind
    try:
        stack.up(bound_to_us=True)
        code = cargo(own, ["test", "--package", "tests", "--", "--test-threads", "8"])  # they wait more than they work
    finally:
        stack.stop_started()
    return code or _small_chaos()


def _small_chaos() -> int:
    """Everything fails at once, for a few messages, on a stack of its own."""
    say("make chaos, small")
    small = {"MESSAGES": "150", "SEED": "1", "HEAL_SECONDS": "300"}
    return processes.run_to_end([sys.executable, "-m", "chaos"], env={**small, **os.environ}, cwd=settings.ROOT)


def _for_tests(config: settings.Settings) -> settings.Settings:
    ports = {name: processes.free_port() for name in ("aws_port", "api_port", "simulator_port")}
    simulator = f"http://127.0.0.1:{ports['simulator_port']}"
    return dataclasses.replace(
        config, **ports, directory=config.directory / "test", providers=dict.fromkeys(config.providers, simulator)
    )


def cargo(config: settings.Settings, arguments: list[str]) -> int:
    if not shutil.which("cargo"):
        raise Failure("cargo is missing; install Rust from https://rustup.rs")
    say(f"cargo {' '.join(arguments)}")
    environment = {**os.environ, "LOCAL_DIR": str(config.directory), "STACK_JSON": str(config.stack_file)}
    return processes.run_to_end(["cargo", *arguments], env=environment, cwd=settings.ROOT)


def logs(config: settings.Settings) -> int:
    """Follows what the functions, MiniStack and the simulator print."""
    files = sorted(str(path) for path in config.logs.glob("*.log") if path.name != "build.log")
    if not files:
        raise Failure(f"There are no logs in {config.logs} yet; start the stack with: make up")
    return subprocess.run(["tail", "-n", "20", "-F", *files], check=False).returncode


def watch(config: settings.Settings) -> int:
    """Serves the HTTP functions with hot reload against the running stack's tables, queues and secrets."""
    stack = Stack(config)
    if not stack.is_up():
        raise Failure("No stack is up for the functions to use; start one with: make up")
    port = os.environ.get("WATCH_PORT", "9000")
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where cargo-lambda is installed
    environment = {**os.environ, **_function_environment(stack.recorded()), "PATH": tools}
    say(f"Serving the HTTP functions at http://127.0.0.1:{port}, rebuilt when a file changes")
    command = ["cargo", "lambda", "watch", "--invoke-address", "127.0.0.1", "--invoke-port", port]
    return processes.run_to_end(command, env=environment, cwd=settings.ROOT)


def _function_environment(record: dict[str, Any]) -> dict[str, str]:
    """The environment of the deployed send function, which holds all global settings, and how to reach the emulator."""
    function = deploy.Aws(record["aws_endpoint"]).client("lambda")
    variables = function.get_function_configuration(FunctionName=record["functions"]["send"])["Environment"]["Variables"]
    return {
        **variables,
        "AWS_ENDPOINT_URL": record["aws_endpoint"],
        "AWS_REGION": record["region"],
        "AWS_ACCESS_KEY_ID": settings.ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": settings.SECRET_KEY,
    }


COMMANDS = {"up": up, "run": run, "down": down, "status": status, "test": test, "logs": logs, "watch": watch}


def main() -> int:
    parser = argparse.ArgumentParser(prog="local", description=__doc__)
    parser.add_argument("command", choices=COMMANDS)
    command = parser.parse_args().command
    config = None
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda signum, _frame: sys.exit(128 + signum))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs us in the background ignores it for us
    try:
        config = settings.load()
        return COMMANDS[command](config)
    except KeyboardInterrupt:
        return 0 if command in ("run", "logs", "watch") else 130
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr, flush=True)
        return 1
    except Exception as unexpected:  # noqa: BLE001 - the last resort: one line here, the rest in a file
        trace = (config.directory if config else settings.ROOT / ".local") / "logs" / "error.log"
        trace.parent.mkdir(parents=True, exist_ok=True)
        trace.write_text(traceback.format_exc())
        print(f"error: {type(unexpected).__name__}: {unexpected} (more in {trace})", file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())

"""What "up" and "down" mean: build, start, deploy, write .local/stack.json; or reuse what is up and redeploy."""

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import build, credentials, deploy, emulator, processes
from .progress import Failure, say, step
from .settings import REGION, Settings

# What the command lines of our processes carry, so that a reused process id is never taken for ours.
_MARK = {"ministack": "local.emulator", "simulator": "simulator"}

_QUEUES = ("urgent", "standard", "bulk", "callbacks", "jobs", "privacy", "events")
_TABLES = ("messages", "people", "ephemera", "catalog", "ledger", "deliveries")


class Stack:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._started: dict[str, int] = {}

    # ── What is there ───────────────────────────────────────────────────────────────────────────────────────────────

    def recorded(self) -> dict[str, Any]:
        """stack.json, or nothing."""
        try:
            return json.loads(self._settings.stack_file.read_text())
        except (FileNotFoundError, ValueError):
            return {}

    def running(self, name: str) -> bool:
        pid = self.recorded().get("processes", {}).get(name)
        return bool(pid) and processes.is_running(pid, _MARK[name])

    def is_up(self) -> bool:
        record = self.recorded()
        return self.running("ministack") and processes.answers(f"{record['aws_endpoint']}/_ministack/health")

    # ── Up ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def up(self, *, bound_to_us: bool) -> dict[str, Any]:
        """Gives stack.json of a stack that is up to date. What it started is stopped again if it fails."""
        self._settings.directory.mkdir(parents=True, exist_ok=True)
        with self._alone():
            try:
                return self._up(bound_to_us)
            except BaseException:
                self.stop_started()
                raise

    def _up(self, bound_to_us: bool) -> dict[str, Any]:
        settings = self._settings
        reused = self.is_up()
        if reused:
            self._require_same_ports()
            say(f"Reusing the stack at {settings.aws_url}")
        else:
            self._stop_recorded()
            processes.require_free_ports(settings.ports)
        document = build.template()
        built = build.build(settings, document)
        secrets = credentials.load_or_make(settings.directory, built.simulator)
        simulator_hash = build.digest(built.simulator.read_bytes())
        if not reused:
            self._start_emulator(bound_to_us)
        if not self.running("simulator") or self.recorded().get("simulator_build") != simulator_hash:
            self._start_simulator(built, secrets, bound_to_us)
        aws = deploy.Aws(settings.aws_url)
        with step("Deploying template.yaml"):
            outputs = deploy.deploy(settings, aws, document, built.functions)
            deploy.write_secrets(aws, document, secrets)
        record = self._describe(outputs, document, secrets, simulator_hash)
        credentials.write_private(settings.stack_file, record)
        return record

    def _require_same_ports(self) -> None:
        record, settings = self.recorded(), self._settings
        wanted = (settings.aws_url, settings.api_url, settings.simulator_url)
        actual = (record["aws_endpoint"], record["api_url"], record["simulator_url"])
        if wanted != actual:
            raise Failure(f"A stack is up on other ports ({', '.join(actual)}); stop it first: make down")

    def _start_emulator(self, bound_to_us: bool) -> None:
        settings = self._settings
        log = settings.logs / "ministack.log"
        command = [sys.executable, "-m", "local.emulator", str(settings.directory), str(settings.aws_port), str(settings.api_port)]
        # The emulator's memory is gone, so what it left on disk means nothing any more.
        (settings.directory / emulator.API_ID_FILE).unlink(missing_ok=True)
        shutil.rmtree(settings.directory / "tmp", ignore_errors=True)
        for old in settings.logs.glob("*.log"):
            if old.name != "build.log":
                old.unlink()
        with step("Starting MiniStack"):
            environment = emulator.environment(settings, build.host_environment())
            process = processes.start(command, environment, log, bound_to_us=bound_to_us)
            self._note("ministack", process.pid)
            ready = f"{settings.aws_url}/_ministack/ready"
            processes.wait_until(lambda: processes.answers(ready), process, "MiniStack", log, 60)

    def _start_simulator(self, built: build.Build, secrets: dict[str, Any], bound_to_us: bool) -> None:
        settings = self._settings
        old = self.recorded().get("processes", {}).get("simulator")
        if old:
            processes.stop(old, _MARK["simulator"])
        log = settings.logs / "simulator.log"
        environment = {
            **build.host_environment(),
            **{name: value for name, value in os.environ.items() if name.startswith("SIM_")},  # its pace, its strictness
            **credentials.simulator_environment(secrets),
            "SIMULATOR_PORT": str(settings.simulator_port),
            "SIM_CALLBACK_BASE": settings.api_url,
        }
        with step("Starting the simulator"):
            process = processes.start([str(built.simulator)], environment, log, bound_to_us=bound_to_us)
            self._note("simulator", process.pid)
            page = f"{settings.simulator_url}/_sim/stats"
            processes.wait_until(lambda: processes.answers(page), process, "The simulator", log, 20)

    def _note(self, name: str, pid: int) -> None:
        """Writes a process down as soon as it lives, so that `down` finds it even if we are killed before the end."""
        self._started[name] = pid
        record = {**self._addresses(), **self.recorded()}
        record["processes"] = {**record.get("processes", {}), name: pid}
        credentials.write_private(self._settings.stack_file, record)

    def _addresses(self) -> dict[str, str]:
        settings = self._settings
        return {
            "api_url": settings.api_url,
            "simulator_url": settings.simulator_url,
            "aws_endpoint": settings.aws_url,
            "functions_aws_endpoint": settings.functions_aws_url,
            "region": REGION,
        }

    def _describe(
        self, outputs: dict[str, str], document: dict[str, Any], secrets: dict[str, Any], simulator_hash: str
    ) -> dict[str, Any]:
        settings = self._settings
        queues = {name: outputs[f"{name.capitalize()}QueueUrl"] for name in _QUEUES}
        dead = {f"{name}_dead": outputs[f"{name.capitalize()}DeadQueueUrl"] for name in _QUEUES}
        functions = {
            name: outputs[f"{logical}Name"] for logical, name in sorted(build.function_names(document).items())
        }
        return {
            **self._addresses(),
            "tokens": credentials.tokens(secrets),
            "secrets": credentials.for_stack_file(secrets),
            "tables": {name: outputs[f"{name.capitalize()}Table"] for name in _TABLES},
            "buckets": {"files": outputs["FilesBucket"], "anchors": outputs["AnchorsBucket"]},
            "queues": {**queues, **dead},
            "functions": functions,
            "processes": self.recorded()["processes"],
            "logs": str(settings.logs),
            "simulator_build": simulator_hash,
        }

    # ── Down ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def down(self) -> bool:
        """Stops what stack.json names; whether there was anything."""
        with self._alone():
            return self._stop_recorded()

    def stop_started(self) -> None:
        """Stops what this command started, and leaves alone what it found running."""
        for name, pid in reversed(self._started.items()):
            processes.stop(pid, _MARK[name])
        if "ministack" in self._started:
            self._settings.stack_file.unlink(missing_ok=True)
        self._started.clear()

    def started_anything(self) -> bool:
        return bool(self._started)

    def _stop_recorded(self) -> bool:
        found = [(pid, _MARK[name]) for name, pid in self.recorded().get("processes", {}).items()]
        found = [(pid, mark) for pid, mark in found if processes.is_running(pid, mark)]
        for pid, mark in found:
            processes.stop(pid, mark)
        self._settings.stack_file.unlink(missing_ok=True)
        return bool(found)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One `up` or `down` at a time in a directory."""
        self._settings.directory.mkdir(parents=True, exist_ok=True)
        with (self._settings.directory / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Failure(f"Another make is starting or stopping the stack in {self._settings.directory}") from error
            yield

"""What goes wrong: providers, the connection between the functions and AWS, and the functions' processes."""

import json
import os
import random
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

from local import processes
from local.progress import Failure
from soak.processes import of

# Shares of all requests to DynamoDB, SQS and S3.
AWS_CHANCES = {"throttle": 0.01, "reset": 0.01, "swallow": 0.015, "delay": 0.05, "delay_ms": 400, "each_write": 2}

# Shares of requests to each provider. Of what a provider answers itself only a 5xx may hide that it was accepted: a 429 and a
# 4xx say that it was not. A list lags for less than the 20 s it is given.
_SENDS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 429, "rate": 0.05},
    {"kind": "status", "status": 500, "rate": 0.03},
    {"kind": "status", "status": 503, "rate": 0.03},
    {"kind": "status", "status": 401, "rate": 0.005},
    {"kind": "reset", "rate": 0.03},
    {"kind": "hang_before", "delay_ms": 11_000, "rate": 0.004},
    {"kind": "hang_after", "delay_ms": 11_000, "rate": 0.006},
    {"kind": "accept_then_status", "status": 500, "rate": 0.03},
    {"kind": "accept_then_status", "status": 503, "rate": 0.02},
)
_READS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 500, "rate": 0.05, "operation": "read"},
    {"kind": "reset", "rate": 0.03, "operation": "read"},
)
_CALLBACKS: tuple[dict[str, Any], ...] = (
    # SendGrid brings its events until they are taken, and they are all that tells what it has.
    {"kind": "drop_callback", "rate": 0.05, "provider": "twilio"},
    {"kind": "drop_callback", "rate": 0.05, "provider": "resend"},
    {"kind": "duplicate_callback", "rate": 0.1},
    {"kind": "reorder_callback", "rate": 0.1, "delay_ms": 2_000},
    {"kind": "foreign_callback", "rate": 0.05},
)
_TWILIO: tuple[dict[str, Any], ...] = (
    {"kind": "list_lag", "delay_ms": 8_000, "rate": 0.2, "provider": "twilio"},
    {"kind": "respell", "rate": 0.2, "provider": "twilio"},
)


def of_providers(dice: random.Random) -> list[dict[str, Any]]:
    """The faults of all providers, in an order by chance: of several that fit, the first strikes."""
    faults = [*_SENDS, *_READS, *_CALLBACKS, *_TWILIO]
    dice.shuffle(faults)
    return faults


class Proxy:
    """The process between the functions and MiniStack. It ends with this one: it reads our end of a pipe."""

    def __init__(self, binary: Path, port: int, upstream: int, seed: int) -> None:
        command = [str(binary), str(port), str(upstream), str(seed)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def set(self, chances: dict[str, float]) -> dict[str, int]:
        """Sets the chances, and gives how often each fault has struck."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None or self._process.poll() is not None:
            raise Failure("The fault proxy has ended")
        stdin.write(json.dumps(chances) + "\n")
        stdin.flush()
        return json.loads(stdout.readline() or "{}")

    def stop(self) -> None:
        processes.end_group(self._process)


class Killer:
    """SIGKILL to a process of any function of this stack, chosen by chance, every so many seconds, until it is stopped."""

    def __init__(self, record: dict[str, Any], every: float, dice: random.Random) -> None:
        self.killed: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(record, every, dice), daemon=True)
        self._thread.start()

    def _run(self, record: dict[str, Any], every: float, dice: random.Random) -> None:
        names = sorted(record["functions"])
        while not self._stop.wait(every * dice.uniform(0.5, 1.5)):
            name = dice.choice(names)
            pids = of(record, name)
            if not pids:
                continue
            try:
                os.kill(dice.choice(pids), signal.SIGKILL)
                self.killed[name] = self.killed.get(name, 0) + 1
            except ProcessLookupError:
                pass

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

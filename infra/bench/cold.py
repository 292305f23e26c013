"""Cold start of `send`, from process start to its first answer, and its warm answers."""

import json
import subprocess
import time
import uuid
from pathlib import Path
from typing import Any

from .runtime import RuntimeApi, http_event

COLD_RUNS = 20
WARM_CALLS = 300

SMS = {"user_id": 1001, "trigger_type": "financial_alert", "data": {"amount": 100.5}, "channel": "sms"}


def measure(bootstrap: Path, environment: dict[str, str], token: str) -> dict[str, list[float]]:
    """Milliseconds: `init` (start to first poll), `first` (start to first answer), `warm` (each later answer), and
    `rss` (MB after the warm answers)."""
    times: dict[str, list[float]] = {"init": [], "first": [], "warm": [], "rss": []}
    for run in range(COLD_RUNS):
        api = RuntimeApi()
        started = time.perf_counter()
        process = subprocess.Popen(
            [bootstrap],
            env={**environment, **_lambda(api.address)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            answered, answer = api.invoke(_send(token, run))
            _check(answer)
            times["init"].append(((api.first_poll or started) - started) * 1000)
            times["first"].append((answered - started) * 1000)
            if run == COLD_RUNS - 1:
                for call in range(WARM_CALLS):
                    begun = time.perf_counter()
                    answered, answer = api.invoke(_send(token, run * 1000 + call))
                    _check(answer)
                    times["warm"].append((answered - begun) * 1000)
                times["rss"].append(_rss(process.pid))
        finally:
            process.kill()
            process.wait()
            api.close()
    return times


def _send(token: str, number: int) -> dict[str, Any]:
    body = json.dumps({**SMS, "data": {"amount": number, "account": uuid.uuid4().hex[:8]}})
    return http_event("POST", "/api/communication/send", token, body, number)


def _check(answer: dict[str, Any]) -> None:
    if answer.get("statusCode") != 200:
        raise RuntimeError(f"send answered {answer}")


def _rss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def _lambda(address: str) -> dict[str, str]:
    return {
        "AWS_LAMBDA_RUNTIME_API": address,
        "AWS_LAMBDA_FUNCTION_NAME": "send",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    }

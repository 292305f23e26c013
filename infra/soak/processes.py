"""The functions' processes of one stack: their memory, and killing them."""

import os
import random
import signal
import threading
from pathlib import Path
from typing import Any


def of(record: dict[str, Any], function: str) -> list[int]:
    """The processes that run this function for this stack, and for no other."""
    marks = {
        f"AWS_LAMBDA_FUNCTION_NAME={record['functions'][function]}".encode(),
        f"AWS_ENDPOINT_URL={record['functions_aws_endpoint']}".encode(),
    }
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            variables = set((process / "environ").read_bytes().split(b"\0"))
        except OSError:  # it ended, or is not ours
            continue
        if marks <= variables:
            found.append(int(process.name))
    return found


def resident(pid: int) -> float | None:
    """Megabytes in memory."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Memory:
    """Samples the largest process of each function, every five seconds, until it is stopped."""

    def __init__(self, record: dict[str, Any], functions: list[str]) -> None:
        self.samples: dict[str, list[float]] = {function: [] for function in functions}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, args=(record,), daemon=True)
        self._thread.start()

    def _sample(self, record: dict[str, Any]) -> None:
        while not self._stop.wait(5):
            for function, samples in self.samples.items():
                sizes = [size for pid in of(record, function) if (size := resident(pid))]
                if sizes:
                    samples.append(max(sizes))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def thirds(self, function: str) -> tuple[float, float, float]:
        """The highest of the first, the middle and the last third of the samples."""
        samples = self.samples[function]
        third = max(1, len(samples) // 3)
        parts = (samples[:third], samples[third : 2 * third], samples[2 * third :])
        return tuple(max(part, default=0.0) for part in parts)  # type: ignore[return-value]


class Killer:
    """SIGKILL to a process of `bulk` or `deliver`, chosen at random, every so many seconds, until it is stopped."""

    def __init__(self, record: dict[str, Any], every: float) -> None:
        self.killed = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(record, every), daemon=True)
        self._thread.start()

    def _run(self, record: dict[str, Any], every: float) -> None:
        while not self._stop.wait(every):
            pids = of(record, "bulk") + of(record, "deliver")
            if not pids:
                continue
            try:
                os.kill(random.choice(pids), signal.SIGKILL)
                self.killed += 1
            except ProcessLookupError:
                pass

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

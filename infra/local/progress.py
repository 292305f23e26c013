"""What a person sees: one line per step with the seconds since the start, and one line when something is wrong."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_STARTED = time.monotonic()


class Failure(Exception):
    """Something the person at the keyboard can put right; its text is the one line they get."""


def say(text: str) -> None:
    print(f"[{time.monotonic() - _STARTED:6.1f}s] {text}", flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Announces a step and tells how long it took, if it took any time worth telling."""
    say(f"{text} …")
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    if took >= 2:
        say(f"{text}: done in {took:.1f} s")


class Heartbeat:
    """Shows that a long step is alive: in place on a terminal, else a line every quarter of a minute."""

    def __init__(self) -> None:
        self.text = "working"
        self._terminal = sys.stdout.isatty()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        if self._terminal:
            print("\r\x1b[K", end="", flush=True)

    def _beat(self) -> None:
        while not self._ended.wait(0.5 if self._terminal else 15.0):
            line = f"[{time.monotonic() - _STARTED:6.1f}s]   {self.text}"
            print(f"\r\x1b[K{line}" if self._terminal else line, end="" if self._terminal else "\n", flush=True)

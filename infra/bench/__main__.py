"""Builds the release packages, brings a stack up if none is, measures, and prints the table."""

import dataclasses
import io
import math
import statistics
import sys
import zipfile
from pathlib import Path
from typing import Any

from local import build, processes, settings
from local.__main__ import _function_environment
from local.progress import Failure, step
from local.stack import Stack

from . import bill, codes, cold, road, units


def main() -> int:
    config = settings.load()
    if sys.argv[1:] == ["bill"]:
        return _bill(Stack(config))
    document = build.template()
    release = build.build(dataclasses.replace(config, profile="release"), document)
    stack = Stack(config)
    mine = not stack.is_up()
    try:
        if mine:
            stack.up(bound_to_us=True)
        development = build.build(config, document)
        record = stack.recorded()
        environment = {**build.host_environment(), **_function_environment(record)}
        token = record["tokens"]["admin"]
        road.register(record)
        with step("Cold starts, release"):
            fast = cold.measure(release.functions["send"], environment, token)
        with step("Cold starts, development build"):
            slow = cold.measure(development.functions["send"], environment, token)
        with step("The road"):
            travelled = _travel(record)
        with step("One-time codes"):
            verified, signed_in = codes.measure(record), codes.measure_sign_ins(record)
    finally:
        if mine:
            stack.stop_started()
    _print_sizes(release)
    print("\n| `send` (20 cold starts, 300 warm answers) | release p50 | p95 | development p50 | p95 | ratio |")
    print("|---|---:|---:|---:|---:|---:|")
    for key, title in (("init", "start to first poll, ms"), ("first", "start to first answer, ms"), ("warm", "a warm answer, ms")):
        print(f"| {title} | {_p(fast[key], 50)} | {_p(fast[key], 95)} | {_p(slow[key], 50)} | {_p(slow[key], 95)} "
              f"| {statistics.median(slow[key]) / statistics.median(fast[key]):.1f} |")
    print(f"| memory at its highest, MB | {fast['rss'][0]:.0f} | | {slow['rss'][0]:.0f} | | {slow['rss'][0] / fast['rss'][0]:.1f} |")
    print(f"\n| the road, {road.MESSAGES} SMS one after the other, whole local stack | p50 | p95 |\n|---|---:|---:|")
    for key, title in (("accept", "request to answer, ms"), ("sent", "accepted to sent, ms"), ("delivered", "accepted to delivered, ms")):
        print(f"| {title} | {_p(travelled.times[key], 50)} | {_p(travelled.times[key], 95)} |")
    codes.print_table(verified, signed_in)
    _print_bill(travelled)
    return 0


@dataclasses.dataclass(frozen=True)
class Travelled:
    """What the road's messages took: milliseconds by kind, the bill's rows, and their writes."""

    times: dict[str, list[float]]
    rows: list[tuple[str, float, float]]
    written: units.Counted


def _travel(record: dict[str, Any]) -> Travelled:
    before, written_before = bill.counted(record), units.counted(record)
    tasks, took = road.send(record)
    after, written_after = bill.counted(record), units.counted(record)
    written = units.between(written_before, written_after)
    rows = bill.price(record, before, after, written, road.MESSAGES)
    return Travelled({"accept": took, **road.times(record, tasks)}, rows, written)


def _bill(stack: Stack) -> int:
    """`make bench PART=bill`: the bill alone, of the stack that is up."""
    if not stack.is_up():
        raise Failure("no stack is up; start one with: make up")
    record = stack.recorded()
    road.register(record)
    with step("The road"):
        travelled = _travel(record)
    _print_bill(travelled)
    return 0


def _print_bill(travelled: Travelled) -> None:
    units.print_table(travelled.written, road.MESSAGES)
    print("\n| a delivered SMS on AWS, list prices | a message | $ a million |\n|---|---:|---:|")
    for what, each, dollars in travelled.rows:
        print(f"| {what} | {each:.2f} | {dollars:.2f} |")


def _print_sizes(release: build.Build) -> None:
    print("\n| package (release) | bootstrap, MB | zip, MB |\n|---|---:|---:|")
    for name, path in sorted(release.functions.items()):
        print(f"| {name} | {path.stat().st_size / 1e6:.1f} | {_zipped(path) / 1e6:.1f} |")


def _zipped(path: Path) -> int:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "bootstrap")
    return len(packed.getvalue())


def _p(values: list[float], percentile: int) -> str:
    rank = max(0, math.ceil(len(values) * percentile / 100) - 1)
    return f"{sorted(values)[rank]:.1f}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        sys.exit(1)

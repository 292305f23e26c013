"""`make soak ROWS=100000`: a file of that many rows, some of them bad, through the local stack; `KILL=3` also kills a worker
every three seconds. Prints what arrived beside what the emulator and the simulator take alone, and fails if a row was
lost or sent twice."""

import csv
import http.client
import io
import math
import os
import sys
import time
from collections import Counter
from typing import Any

from bench import bill
from local import deploy, settings
from local.__main__ import _for_tests
from local.progress import Failure, say
from local.stack import Stack

from . import alone
from .api import PHONE, Api, get, put
from .processes import Killer, Memory
from .rows import Rows, make, number

# Nothing new at the provider for this long: whatever is missing will not come. A killed worker's records come back
# after the queue's visibility timeout (six minutes for a bulk chunk).
PATIENCE_SECONDS = 600


def main() -> int:
    count = int(os.environ.get("ROWS", "1000"))
    kill_every = float(os.environ.get("KILL", "0"))
    rows = make(count, int(os.environ.get("BAD", str(max(1, count // 1000)))))
    config = settings.load()
    own = _for_tests(config)
    own = type(own)(**{**own.__dict__, "directory": config.directory / "soak"})
    stack = Stack(own)
    stack.down()
    try:
        record = stack.up(bound_to_us=True)
        return _soak(record, rows, count, kill_every, own.profile)
    finally:
        stack.stop_started()


def _soak(record: dict[str, Any], rows: Rows, count: int, kill_every: float, profile: str) -> int:
    say("Alone: the emulator, then the simulator")
    calls, texts = alone.emulator(record), alone.simulator(record)
    say("Idle: urgent messages, one after the other")
    idle = alone.Urgent(record, pause=0.2, limit=30)
    idle.wait()
    alone.forget(record)
    api, before = Api(record), bill.counted(record)
    job = api.create_job()
    upload = job["upload"]
    put(upload["url"], upload["headers"], rows.text.encode())
    begun = time.monotonic()
    say(f"{count} rows are up, {len(rows.bad_lines)} of them bad")
    memory = Memory(record, ["bulk", "deliver"])
    urgent = alone.Urgent(record, pause=2)
    killer = Killer(record, kill_every) if kill_every else None
    try:
        fanned_out, finished = _watch(api, job["job_id"], rows.good, begun, killer)
    finally:
        urgent.stop()
        memory.stop()
        if killer:
            killer.stop()
    spent = bill.counted(record) - before
    seen = api.job(job["job_id"])
    arrived = {to: times for to, times in api.arrived().items() if to != PHONE}
    wrong = _judge(rows, count, seen, arrived)
    delivered = _delivered(record, job["job_id"])
    _print(count, rows, seen, arrived, delivered, (fanned_out, finished), (calls, texts), (idle, urgent), memory, killer, profile, spent)
    for complaint in wrong:
        print(f"WRONG: {complaint}", file=sys.stderr)
    return 1 if wrong else 0


def _watch(api: Api, job: str, good: int, begun: float, killer: Killer | None) -> tuple[float, float]:
    """Until all good rows arrived, or nothing has for too long. Seconds until the fan-out and the last arrival."""
    fanned_out, last, last_change, said = None, 0, time.monotonic(), 0.0
    while True:
        now = time.monotonic()
        try:
            seen, messages = api.job(job), api.simulator("/_sim/stats")["messages"]
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            # Watching is not what is tested: a look that fails is taken again, on a connection of its own.
            say(f"not seen: {error}")
            if now - last_change > PATIENCE_SECONDS:
                return fanned_out or math.inf, math.inf
            time.sleep(5)
            api.reconnect()
            continue
        if seen["status"] in ("completed", "failed", "cancelled") and fanned_out is None:
            fanned_out = now - begun
            if killer:
                say(f"The job is {seen['status']}; {killer.killed} workers were killed so far")
        if messages != last:
            last, last_change = messages, now
        if now - said > 15:
            said = now
            say(f"{now - begun:6.0f} s: {seen['counts']} · at the provider: {messages}")
        # The urgent ones are counted too: the provider has more than the rows when all of them are there.
        if fanned_out is not None and messages >= good and _all_there(api, good):
            return fanned_out, now - begun
        if now - last_change > PATIENCE_SECONDS:
            return fanned_out or math.inf, math.inf
        time.sleep(2)


def _all_there(api: Api, good: int) -> bool:
    return sum(1 for to in api.arrived() if to != PHONE) >= good


def _judge(rows: Rows, count: int, seen: dict[str, Any], arrived: dict[str, int]) -> list[str]:
    wrong = []
    expected = {"pending": 0, "accepted": rows.good, "refused": 0, "invalid": len(rows.bad_lines)}
    if seen["status"] != "completed" or seen["counts"] != expected:
        wrong.append(f"the job says {seen['status']} {seen['counts']}, not completed {expected}")
    wanted = {number(row) for row in range(count) if row + 2 not in rows.bad_lines}
    if lost := wanted - arrived.keys():
        wrong.append(f"{len(lost)} rows did not arrive, {sorted(lost)[:3]} …")
    if strange := arrived.keys() - wanted:
        wrong.append(f"{len(strange)} arrived that were no rows, {sorted(strange)[:3]} …")
    if twice := {to: times for to, times in arrived.items() if times > 1}:
        wrong.append(f"{len(twice)} arrived more than once, {sorted(twice.items())[:3]} …")
    if rows.bad_lines:
        named = {int(line["line"]) for line in csv.DictReader(io.StringIO(get(seen["error_file"])))}
        if named != rows.bad_lines:
            wrong.append(f"the error file names other lines: {sorted(named ^ rows.bad_lines)[:5]} …")
    return wrong


def _delivered(record: dict[str, Any], job: str) -> dict[str, int]:
    """Messages of the job by status, read from the table row by row: the product itself never scans."""
    dynamodb = deploy.Aws(record["aws_endpoint"]).client("dynamodb")
    deadline, counts = time.monotonic() + 180, {}
    while time.monotonic() < deadline:
        counts = {}
        pages = dynamodb.get_paginator("scan").paginate(
            TableName=record["tables"]["messages"], ProjectionExpression="#s", FilterExpression="job = :j",
            ExpressionAttributeNames={"#s": "status"}, ExpressionAttributeValues={":j": {"S": job}},
        )
        for page in pages:
            for item in page["Items"]:
                counts[item["status"]["S"]] = counts.get(item["status"]["S"], 0) + 1
        if set(counts) <= {"delivered"}:
            break
        time.sleep(5)
    return counts


def _print(count, rows, seen, arrived, statuses, times, ceilings, urgents, memory, killer, profile, spent) -> None:  # type: ignore[no-untyped-def]
    fanned_out, finished = times
    calls, texts = ceilings
    idle, urgent = urgents
    twice = sum(1 for times in arrived.values() if times > 1)
    print(f"\n| soak, {count} rows, {profile} build, {os.cpu_count()} cores | |\n|---|---:|")
    for what, value in (
        ("rows accepted", seen["counts"]["accepted"]),
        ("rows invalid, named by line", seen["counts"]["invalid"]),
        ("rows at the provider", len(arrived)),
        ("of them twice", twice),
        ("messages by status", ", ".join(f"{status} {number}" for status, number in sorted(statuses.items()))),
        ("workers killed", killer.killed if killer else 0),
        ("fan-out, s", f"{fanned_out:.0f}"),
        ("fan-out, rows/s", f"{count / fanned_out:.0f}"),
        ("until the last arrived, s", f"{finished:.0f}"),
        ("end to end, messages/s", f"{rows.good / finished:.0f}"),
        ("calls to the emulator a row: DynamoDB, SQS, API, invocations", " / ".join(f"{kind / count:.1f}" for kind in _kinds(spent))),
        ("the emulator alone, DynamoDB calls/s", f"{calls:.0f}"),
        ("the simulator alone, texts/s", f"{texts:.0f}"),
        ("urgent, request to provider, idle p50 / p95, ms", f"{_p(idle.took, 50)} / {_p(idle.took, 95)}"),
        (f"urgent during the soak ({len(urgent.took)}, {urgent.failed} failed) p50 / p95, ms", f"{_p(urgent.took, 50)} / {_p(urgent.took, 95)}"),
        *(
            (f"memory of {name}, first / middle / last third, MB", " / ".join(f"{size:.0f}" for size in memory.thirds(name)))
            for name in ("bulk", "deliver")
        ),
    ):
        print(f"| {what} | {value} |")
    print("\n| calls of | a row |\n|---|---:|")
    for call, times in sorted(spent.items(), key=lambda counted: -counted[1]):
        if times / count >= 0.02 and not call.startswith("milliseconds "):
            print(f"| {call} | {times / count:.2f} |")


def _kinds(spent: Counter[str]) -> tuple[int, int, int, int]:
    def total(*names: str) -> int:
        return sum(times for call, times in spent.items() if call.startswith(names))

    queues = total("SendMessage", "ReceiveMessage", "DeleteMessage")
    requests, invocations = total("api requests"), total("invocations ")
    others = sum(spent.values()) - queues - requests - invocations - total("milliseconds ")
    return others, queues, requests, invocations


def _p(values: list[float], percentile: int) -> str:
    if not values:
        return "–"
    rank = max(0, math.ceil(len(values) * percentile / 100) - 1)
    return f"{sorted(values)[rank]:.0f}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        sys.exit(1)

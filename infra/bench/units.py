"""Where a message's write units go: every write that the local stack saw on the road, by step and index, at DynamoDB's rules
(`local.write_units`)."""

import json
import urllib.request
from collections import defaultdict
from typing import Any

Counted = dict[tuple[str, str], dict[str, float]]


def counted(record: dict[str, Any]) -> Counted:
    """Units by table and kind of write, then by measure. The first call begins to count."""
    result: Counted = defaultdict(lambda: defaultdict(float))
    with urllib.request.urlopen(f"{record['aws_endpoint']}/_local/write_units", timeout=10) as answer:
        for one in json.load(answer):
            result[one["table"], one["write"]][one["measure"]] = one["amount"]
    return result


def between(before: Counted, after: Counted) -> Counted:
    """What was written in between, but for what the sweep and the workers write by the clock."""
    result: Counted = {}
    for key, measures in after.items():
        grown = {name: amount - before.get(key, {}).get(name, 0.0) for name, amount in measures.items()}
        if grown.get("writes") and not key[1].startswith("beat"):
            result[key] = grown
    return result


def total(written: Counted) -> float:
    return sum(amount for measures in written.values() for name, amount in measures.items() if name not in ("writes", "bytes"))


def last_row(written: Counted, step: str = "sent to delivered") -> int:
    """How large a message's row is at the end of its road, in bytes."""
    measures = written.get(("messages", step), {})
    return round(measures.get("bytes", 0) / max(1.0, measures.get("writes", 1)))


def print_table(written: Counted, messages: int) -> None:
    """One row a kind of write, the most expensive first."""
    print("\n| write units of a delivered SMS | writes | bytes after | table | indexes | units |")
    print("|---|---:|---:|---:|---|---:|")
    units = {key: total({key: measures}) for key, measures in written.items()}
    for key in sorted(units, key=lambda key: -units[key]):
        measures = written[key]
        indexes = [f"{name} {amount / messages:.2f}" for name, amount in sorted(measures.items()) if name not in ("writes", "bytes", "table") and amount]
        size = measures.get("bytes", 0) / measures["writes"]
        print(f"| {key[0]}: {key[1]} | {measures['writes'] / messages:.2f} | {size:.0f} | {measures.get('table', 0) / messages:.2f} "
              f"| {', '.join(indexes)} | {units[key] / messages:.2f} |")
    print(f"| **all of it** | | | | | {total(written) / messages:.2f} |")

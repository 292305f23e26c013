"""What a million messages cost on AWS: the calls the local stack counted for a few hundred, at AWS's list prices.

Counted: every AWS call, API request, invocation and its duration, and the write units of every write (`units`). Not counted:
the free tier, backups, alarms, and the providers' own prices.
"""

import json
import urllib.request
from collections import Counter
from typing import Any

from . import units

# us-east-1, on demand, arm64; US dollars per million (requests, units) or per GB-second.
WRITE_UNIT, READ_UNIT = 0.625, 0.125
API_REQUEST, SQS_REQUEST, INVOCATION = 1.00, 0.40, 0.20
GB_SECOND = 0.0000133334
MEMORY_GB = 0.25


def counted(record: dict[str, Any]) -> Counter[str]:
    with urllib.request.urlopen(f"{record['aws_endpoint']}/_local/usage", timeout=10) as answer:
        return Counter(json.load(answer))


def price(
    record: dict[str, Any], before: Counter[str], after: Counter[str], written: units.Counted, messages: int
) -> list[tuple[str, float, float]]:
    """Rows of (what, per message, dollars per million messages)."""
    usage = Counter({name: after[name] - before[name] for name in after})
    tables = record["tables"]

    def calls(operations: tuple[str, ...], table: str | None = None) -> float:
        wanted = [f"{operation} {tables[table]}" if table else operation for operation in operations]
        return sum(count for name, count in usage.items() if any(name == w or (not table and name.startswith(f"{w} ")) for w in wanted)) / messages

    writes = units.total(written) / messages
    reads = calls(("GetItem",), "messages") + calls(("GetItem",), "people") + calls(("Query",), "people")
    queue = calls(("SendMessage",)) + 2  # one receive and one delete a message: lanes hand over small batches at low load
    invocations = sum(count for name, count in usage.items() if name.startswith("invocations ") and "reminders" not in name) / messages
    seconds = sum(count for name, count in usage.items() if name.startswith("milliseconds ") and "reminders" not in name) / messages / 1000
    requests = usage["api requests"] / messages
    rows = [
        (f"DynamoDB write units (rows of {units.last_row(written)} bytes at the end of their road)", writes, writes * WRITE_UNIT),
        ("DynamoDB read units", reads, reads * READ_UNIT),
        ("API requests (the send, its callbacks)", requests, requests * API_REQUEST),
        ("SQS requests", queue, queue * SQS_REQUEST),
        ("Lambda invocations", invocations, invocations * INVOCATION),
        ("Lambda seconds at 256 MB", seconds, seconds * MEMORY_GB * GB_SECOND * 1e6),
    ]
    return [*rows, ("**all of it**", 1.0, sum(dollars for _, _, dollars in rows))]

"""What a million messages cost on AWS: the calls the local stack counted for a few hundred, at AWS's list prices.

Counted: every AWS call, API request, invocation and its duration, and the size of the rows. Not counted: the free tier,
backups, alarms, and the providers' own prices. Index writes follow from the road (DynamoDB bills a changed index key as
two writes): create 3 (its recipient and person among them), claim 2, sent 2 + 1, delivered 1.
"""

import json
import math
import urllib.request
from collections import Counter
from typing import Any

from local import deploy

# us-east-1, on demand, arm64; US dollars per million (requests, units) or per GB-second.
WRITE_UNIT, READ_UNIT = 0.625, 0.125
API_REQUEST, SQS_REQUEST, INVOCATION = 1.00, 0.40, 0.20
GB_SECOND = 0.0000133334
MEMORY_GB = 0.25
INDEX_WRITES = 9


def counted(record: dict[str, Any]) -> Counter[str]:
    with urllib.request.urlopen(f"{record['aws_endpoint']}/_local/usage", timeout=10) as answer:
        return Counter(json.load(answer))


def price(record: dict[str, Any], before: Counter[str], after: Counter[str], messages: int) -> list[tuple[str, float, float]]:
    """Rows of (what, per message, dollars per million messages)."""
    usage = Counter({name: after[name] - before[name] for name in after})
    tables = record["tables"]
    size = _row_size(record)

    def calls(operations: tuple[str, ...], table: str | None = None) -> float:
        wanted = [f"{operation} {tables[table]}" if table else operation for operation in operations]
        return sum(count for name, count in usage.items() if any(name == w or (not table and name.startswith(f"{w} ")) for w in wanted)) / messages

    puts = calls(("PutItem", "UpdateItem"), "messages")
    writes = puts * math.ceil(size / 1024) + INDEX_WRITES + calls(("PutItem", "UpdateItem"), "ephemera")
    reads = calls(("GetItem",), "messages") + calls(("GetItem",), "people") + calls(("Query",), "people")
    queue = calls(("SendMessage",)) + 2  # one receive and one delete a message: lanes hand over small batches at low load
    invocations = sum(count for name, count in usage.items() if name.startswith("invocations ") and "reminders" not in name) / messages
    seconds = sum(count for name, count in usage.items() if name.startswith("milliseconds ") and "reminders" not in name) / messages / 1000
    requests = usage["api requests"] / messages
    rows = [
        (f"DynamoDB write units (rows of {size} bytes at the end of their road, each write counted so)", writes, writes * WRITE_UNIT),
        ("DynamoDB read units", reads, reads * READ_UNIT),
        ("API requests (the send, its callbacks)", requests, requests * API_REQUEST),
        ("SQS requests", queue, queue * SQS_REQUEST),
        ("Lambda invocations", invocations, invocations * INVOCATION),
        ("Lambda seconds at 256 MB", seconds, seconds * MEMORY_GB * GB_SECOND * 1e6),
    ]
    return [*rows, ("**all of it**", 1.0, sum(dollars for _, _, dollars in rows))]


def _row_size(record: dict[str, Any]) -> int:
    """The average size of a message's row at the end of its road."""
    table = deploy.Aws(record["aws_endpoint"]).client("dynamodb")
    items = table.scan(TableName=record["tables"]["messages"], Limit=50)["Items"]
    return round(sum(_size(item) for item in items) / max(1, len(items)))


def _size(item: dict[str, Any]) -> int:
    """Source: the DynamoDB developer guide, "Item sizes and formats": half a byte a significant digit and one more, one for a
    truth value, three for a map or list and one for each of its elements."""
    total = 0
    for name, value in item.items():
        ((kind, content),) = value.items()
        total += len(name.encode())
        if kind == "M":
            total += 3 + len(content) + _size(content)
        elif kind == "L":
            total += 3 + sum(_size({"": one}) + 1 for one in content)
        elif kind == "N":
            total += 1 + (len(content.strip("-0").replace(".", "")) + 1) // 2
        elif kind in ("BOOL", "NULL"):
            total += 1
        else:
            total += len(content.encode())
    return total

"""Write units: what DynamoDB would bill for each write, by the items before and after it.

Source: the DynamoDB developer guide, "Read and write operations" and "Using Global Secondary Indexes". The table takes one unit for
each started kilobyte of the larger item, twice that in a transaction; a refused condition is billed as the item it was compared with.
An index takes nothing if its entry stays as it is, the units of the entry if that appears, disappears or changes in place, and
both entries' if its key changes. MiniStack knows these rules; this module adds the units up by table and kind of write.

GET /_local/write_units starts to count, and answers what was counted so far.
"""

import re
from collections import Counter
from contextvars import ContextVar
from typing import Any

from ministack.services import dynamodb

Item = dict[str, Any] | None

_in_transaction: ContextVar[bool] = ContextVar("in_transaction", default=False)
_counted: Counter[tuple[str, str, str]] = Counter()
_is_counting = False


def count_writes() -> None:
    """Makes MiniStack tell of every write."""
    emit = dynamodb._emit_stream_event
    refuse = dynamodb._conditional_check_failed
    transact = dynamodb._transact_write_items

    def emit_and_count(name: str, event: str, old: Item, new: Item, *rest: Any, **more: Any) -> Any:
        if _is_counting:
            _count(name, old, new)
        return emit(name, event, old, new, *rest, **more)

    def refuse_and_count(data: dict[str, Any], old: Item, *rest: Any, **more: Any) -> Any:
        if _is_counting:
            units = dynamodb._capacity_kb(dynamodb._item_size_bytes(old or {}))
            _add(data.get("TableName", ""), "refused", {"writes": 1, "table": units})
        return refuse(data, old, *rest, **more)

    def transact_and_count(data: dict[str, Any]) -> Any:
        token = _in_transaction.set(True)
        try:
            return transact(data)
        finally:
            _in_transaction.reset(token)

    dynamodb._emit_stream_event = emit_and_count
    dynamodb._conditional_check_failed = refuse_and_count
    dynamodb._transact_write_items = transact_and_count


def start_and_tell() -> list[dict[str, Any]]:
    """What was counted: `table`, `write` (its kind), `measure` (`writes`, `bytes`, `table`, or an index) and `amount`."""
    global _is_counting
    _is_counting = True
    counted = sorted(_counted.items())
    return [{"table": table, "write": write, "measure": measure, "amount": amount} for (table, write, measure), amount in counted]


def _count(name: str, old: Item, new: Item) -> None:
    table = dynamodb._tables.get(name)
    if not table:
        return
    sizes = [dynamodb._item_size_bytes(item) for item in (old, new) if item]
    units = dynamodb._capacity_kb(max(sizes, default=0))
    measures = {"writes": 1, "bytes": sizes[-1] if sizes else 0, "table": units * (2 if _in_transaction.get() else 1)}
    for index in table.get("GlobalSecondaryIndexes") or []:
        measures[index["IndexName"]] = dynamodb._index_write_units(table, index, old, new)
    _add(name, _kind(table, old, new), measures)


def _add(name: str, kind: str, measures: dict[str, float]) -> None:
    for measure, amount in measures.items():
        if amount:
            _counted[_logical(name), kind, measure] += amount


def _logical(name: str) -> str:
    """`messages` of `switchboard-Messages-1A2B3C`."""
    return name.split("-")[1].lower() if name.count("-") > 1 else name


def _kind(table: dict[str, Any], old: Item, new: Item) -> str:
    """What a write did: the step of a message, or the kind of its row."""
    is_part = "#" in _text(old or new, table["pk_name"])
    before, after = _text(old, "status"), _text(new, "status")
    if (before or after) and not is_part:
        return f"{before} to {after}" if before and after and before != after else f"{after or before}, {'noted' if old else 'made'}"
    keys = [_text(old or new, name) for name in (table["pk_name"], table["sk_name"]) if name]
    return " / ".join("#" if re.match(r"[0-9a-f]{8}-", key) else re.split(r"[#:]", key)[0] for key in keys)


def _text(item: Item, name: str | None) -> str:
    return str(((item or {}).get(name) or {}).get("S", "")) if name else ""

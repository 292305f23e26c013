"""When each message was claimed, by its trail as the API shows it."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from .client import Client

_WORKERS = 4


class Claims:
    def __init__(self, record: dict[str, Any], ids: Iterable[str]) -> None:
        ids = list(ids)
        parts = [ids[place::_WORKERS] for place in range(_WORKERS)]
        with ThreadPoolExecutor(_WORKERS) as pool:
            read = pool.map(lambda part: _read(record, part), parts)
        self._trails: dict[str, list[dict[str, Any]]] = {id_: trail for part in read for id_, trail in part.items()}

    def before(self, id_: str, at: float) -> float | None:
        """The last claim before a time."""
        claims = [_seconds(step["at"]) for step in self._trails.get(id_, []) if step["event"] == "sending"]
        return max((claim for claim in claims if claim <= at + 0.05), default=None)

    def story(self, id_: str) -> str:
        steps = self._trails.get(id_, [])
        return " · ".join(f"{step['at'][11:23]} {step['event']} {step.get('detail') or ''}".strip() for step in steps[-14:])


def _read(record: dict[str, Any], ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    client = Client(record)
    return {id_: client.must("GET", f"/api/v2/communications/messages/{id_}")["trail"] for id_ in ids}


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

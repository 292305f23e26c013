"""What truly reached each provider, by the simulator's record."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .client import Client

# What the simulator says of a message that its reader got, and of one that did not get there.
GOT = ("delivered", "read", "completed", "complained")
LOST_ON_THE_WAY = ("undelivered", "failed", "bounced", "dropped", "suppressed", "busy", "no_answer")


@dataclass
class Arrival:
    seq: int
    provider: str
    channel: str
    id: str
    message: str | None  # our id
    to: str
    text: str
    at: float  # seconds since the epoch, as it was when we first saw it
    status: str


class Arrivals:
    """Every message a provider took, with the time of its arrival: when time is moved for a message, its record moves as well."""

    def __init__(self, record: dict[str, Any]) -> None:
        self._client = Client(record)
        self._at: dict[int, float] = {}

    def note(self) -> None:
        """Notes what has come since the last time."""
        after = max(self._at, default=-1)
        while page := self._page(after):
            for message in page:
                self._at.setdefault(message["seq"], _seconds(message["received_at"]))
            after = page[-1]["seq"]

    def all(self) -> list[Arrival]:
        self.note()
        found, after = [], -1
        while page := self._page(after):
            found += [self._arrival(message) for message in page]
            after = page[-1]["seq"]
        return found

    def _page(self, after: int) -> list[dict[str, Any]]:
        query = f"&after={after}" if after >= 0 else ""
        return self._client.simulator("GET", f"/_sim/messages?limit=5000{query}")

    def _arrival(self, message: dict[str, Any]) -> Arrival:
        to = message["to"].removeprefix("whatsapp:")
        words = message["text"] or ""
        return Arrival(
            message["seq"], message["provider"], message["channel"], message["id"], message["our_id"], to, words,
            self._at[message["seq"]], message["status"],
        )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

"""A subscriber to all events: it remembers what it was told under which id, and now and then does not take it."""

import http.server
import json
import random
import threading
import time
from collections import defaultdict

EVENTS = ("sent", "delivered", "undelivered", "failed", "blocked", "expired", "cancelled")


class Subscriber:
    """`hopeless`: it never takes anything."""

    def __init__(self, dice: random.Random, *, hopeless: bool = False) -> None:
        self.told: dict[tuple[str, str], set[str]] = defaultdict(set)  # (message, event): ids it came under, once taken
        self.times: dict[str, int] = defaultdict(int)  # id: how often it was taken
        self.faulty = False
        lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # noqa: N802
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                with lock:
                    chance = dice.random() if outer.faulty else 1.0
                if chance < 0.02:
                    time.sleep(1)
                if chance < 0.01:
                    self.close_connection = True
                    return
                status = 500 if hopeless or chance < 0.06 else 204
                if status == 204:
                    event = json.loads(body)
                    with lock:
                        mine = self.headers.get("webhook-id", "")
                        outer.told[event["data"].get("id", ""), event["type"].removeprefix("message.")].add(mine)
                        outer.times[mine] += 1
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

"""The process that stands in for AWS: MiniStack on AWS_PORT, and the deployed HTTP API on API_PORT.

Started as `python -m local.emulator DIRECTORY AWS_PORT API_PORT`. It adds to MiniStack:

- the door: MiniStack serves an API under the host name {apiId}.execute-api.localhost only. People, providers and
  webhooks get a plain address instead. The door hands the request straight to MiniStack's API Gateway: path, query
  and body arrive byte for byte as sent, because signatures are computed over them.
- logs: what a function prints is appended to DIRECTORY/logs/FUNCTION.log, so it outlives the stack.
- permissions: AWS checks a batch call to SQS as the single call (sqs:SendMessage), MiniStack by a name of its own; and it
  knows which partitions and attributes a call to DynamoDB names (fine_grained.py).
- batches: AWS runs more of a queue's batches at a time the longer it is; five, MiniStack's bound, stand still when five
  calls to a provider hang. Where the template has a bound of its own as a parameter, MiniStack cannot read it.
- streams: MiniStack calls a stream's function while every queue waits, and keeps each change for a day. Here the streams
  have a thread of their own, and what every function has read is let go.
- stream records: what some function has not read yet of the tables' streams: GET /_local/streams on AWS_PORT.
- usage: how often which AWS operation was called, for the benchmark's bill: GET /_local/usage on AWS_PORT; and what DynamoDB would
  bill for each write: GET /_local/write_units (write_units.py).
- speed: Nagle's algorithm is off for the runtime API, which saves 40 ms an invocation; an invocation that prints nothing is not
  waited for 50 ms longer; a change of a table with a stream does not keep a queue's next record waiting for 50 ms; and full
  tables stay fast.
"""

import asyncio
import gc
import json
import logging
import os
import resource
import signal
import socketserver
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote

from hypercorn.asyncio import serve
from hypercorn.config import Config

from ministack import app as ministack
from ministack.core import hypercorn_compat, iam_actions, lambda_runtime
from ministack.services import apigateway, dynamodb, lambda_svc

from . import fine_grained, write_units

API_ID_FILE = "api-id"
# API Gateway's own limits for an HTTP API.
MAX_BODY = 10 * 1024 * 1024
# Of one queue. AWS begins with five and goes up to a thousand and more.
BATCHES_AT_A_TIME = 20
# How often a stream that brought nothing is looked at again. AWS: four times a second.
STREAM_PAUSE_SECONDS = 0.1
# How long after its answer a function's first line is waited for. What comes later is in the log with the next invocation.
FIRST_LINE_SECONDS = 0.01
# How long the queues' thread rests that was woken for nothing: by a change of a table, which is no work of its.
IDLE_WAKE_SECONDS = 0.002
# How often expired rows are looked for.
REAP_SECONDS = 3_600


class Door:
    """Answers for the one deployed HTTP API."""

    def __init__(self, api_id_file: Path) -> None:
        self._file = api_id_file
        self._seen = 0
        self._api_id = ""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        status, headers, body = await self._answer(scope, receive)
        lines = []
        for name, value in headers.items():
            for one in value if isinstance(value, (list, tuple)) else (value,):
                lines.append((name.lower().encode("latin-1"), str(one).encode("utf-8")))
        if not any(name == b"content-length" for name, _ in lines):
            lines.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: dict[str, Any], receive: Any) -> tuple[int, dict[str, Any], bytes]:
        api_id = self._current_api_id()
        USAGE.counts["api requests"] += 1
        if not api_id:
            return 503, {"content-type": "application/json", "retry-after": "1"}, b'{"message":"Still being deployed"}'
        body = await _body(receive)
        if body is None:
            return 413, {"content-type": "application/json"}, b'{"message":"Request Entity Too Large"}'
        query = scope["query_string"].decode("latin-1")
        raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        status, headers, answer = await apigateway.handle_execute(
            api_id,
            "$default",
            apigateway.decode_http_api_path(raw_path) if "%" in raw_path else unquote(raw_path),
            scope["method"],
            _headers(scope),
            body,
            parse_qs(query, keep_blank_values=True),
            raw_query_string=query,
        )
        return status, headers, answer

    def _current_api_id(self) -> str:
        """The id the deployment wrote down; read again when the file changed."""
        try:
            changed = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return ""
        if changed != self._seen:
            self._api_id, self._seen = self._file.read_text().strip(), changed
        return self._api_id


async def _body(receive: Any) -> bytes | None:
    """The body exactly as sent, or None when it is larger than API Gateway takes."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


def _headers(scope: dict[str, Any]) -> dict[str, str]:
    """Lower-case names, repeated ones joined, and the forwarding headers API Gateway adds."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}{'; ' if name == 'cookie' else ','}{value}" if name in headers else value
    client = (scope.get("client") or ("127.0.0.1",))[0]
    headers["x-forwarded-for"] = ", ".join(filter(None, (headers.get("x-forwarded-for"), client)))
    headers.setdefault("x-forwarded-port", str(scope["server"][1]))
    headers.setdefault("x-forwarded-proto", scope["scheme"])
    return headers


class Usage:
    """Counts calls by operation and table or queue, requests at the door, and invocations with their time."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await ministack.app(scope, receive, send)
        windows = {"/_local/usage": lambda: self.counts, "/_local/streams": _stream_records, "/_local/write_units": write_units.start_and_tell}
        if scope["path"] in windows:
            body = json.dumps(windows[scope["path"]]()).encode()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
            return await send({"type": "http.response.body", "body": body})
        target = next((value for name, value in scope["headers"] if name == b"x-amz-target"), None)
        if target is None:
            return await ministack.app(scope, receive, send)
        message = await receive()  # one piece: calls are small
        try:
            asked = json.loads(message.get("body") or b"{}")
            name = asked.get("TableName") or asked.get("QueueUrl", "").rsplit("/", 1)[-1]
        except ValueError:
            name = ""
        self.counts[f"{target.decode().rsplit('.', 1)[-1]} {name}".strip()] += 1
        pieces = iter((message,))

        async def again() -> Any:
            return next(pieces, None) or await receive()

        await ministack.app(scope, again, send)

    def invoked(self, name: str, duration_ms: float) -> None:
        self.counts[f"invocations {name}"] += 1
        self.counts[f"milliseconds {name}"] += round(duration_ms)


USAGE = Usage()


def keep_logs(directory: Path) -> None:
    """Every function's output goes to a file of its own, and not into MiniStack's memory as well, which only grows."""

    def keep(func: dict[str, Any], request_id: str, text: str, error: bool, duration_ms: int, **_rest: Any) -> None:
        name = (func.get("config") or func).get("FunctionName", "unknown")
        USAGE.invoked(name, duration_ms)
        with (directory / f"{name}.log").open("a") as log:
            if text:
                log.write(text if text.endswith("\n") else text + "\n")
            if error:
                failed = {"timestamp": _now(), "level": "ERROR", "message": "invocation failed", "aws.request_id": request_id}
                log.write(json.dumps({**failed, "duration_ms": duration_ms}) + "\n")

    lambda_svc._emit_lambda_logs = keep


def stay_fast_when_full() -> None:
    """Rows by the hundred thousand are millions of Python objects.

    MiniStack looks through all of them once a minute for expired ones, and meanwhile answers nobody; once an hour is soon
    enough (AWS takes days). Python's collector walks them all again and again to find cycles; what serves a request is
    freed without it.
    """
    dynamodb.time = SimpleNamespace(**{**vars(time), "sleep": lambda seconds: time.sleep(max(seconds, REAP_SECONDS))})
    gc.set_threshold(100_000, 20, 1_000)


def check_batches_as_single_calls() -> None:
    extract = iam_actions.extract_iam_action

    def extract_single(*request: Any) -> str | None:
        action = extract(*request)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action

    iam_actions.extract_iam_action = extract_single


def run_batches_side_by_side() -> None:
    """More of a queue's batches at a time than MiniStack's five, where the template sets no bound; where a parameter of the
    template sets one, it is text, which CloudFormation would have made a number.
    """
    lambda_svc._ESM_SQS_DEFAULT_CONCURRENCY = BATCHES_AT_A_TIME
    concurrency = lambda_svc._sqs_esm_concurrency

    def of_number(esm: dict[str, Any], *rest: Any) -> int:
        scaling = esm.get("ScalingConfig") or {}
        if isinstance(scaling.get("MaximumConcurrency"), str):
            esm = {**esm, "ScalingConfig": {**scaling, "MaximumConcurrency": int(scaling["MaximumConcurrency"])}}
        return concurrency(esm, *rest)

    lambda_svc._sqs_esm_concurrency = of_number


def _stream_records() -> list[dict[str, Any]]:
    return [record["dynamodb"] for _, records in dynamodb._stream_records.all_items() for record in list(records)]


def wait_less() -> None:
    lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS = IDLE_WAKE_SECONDS
    drain = lambda_runtime.Worker._drain_stderr_bounded

    def drain_sooner(worker: Any, first_line_wait: float = FIRST_LINE_SECONDS, **rest: Any) -> str:
        return drain(worker, first_line_wait, **rest)

    lambda_runtime.Worker._drain_stderr_bounded = drain_sooner


def read_streams_apart() -> None:
    poll = lambda_svc._poll_dynamodb_streams
    lambda_svc._poll_dynamodb_streams = lambda: False  # for the thread that looks after the queues

    def forget_what_was_read() -> None:
        positions = lambda_svc._dynamodb_stream_positions
        readers: dict[tuple[str, str, str], list[int]] = {}
        for account, region, mapping in list(lambda_svc._iter_all_esms()):
            if ":dynamodb:" in mapping.get("EventSourceArn", ""):
                table = mapping["EventSourceArn"].split("/stream/")[0].split("/")[-1]
                at = positions.get_scoped(account, region, mapping["UUID"], 0)
                readers.setdefault((account, region, table), []).append(at)
        for (account, region, table), read in readers.items():
            changes = dynamodb._stream_records.get_scoped(account, region, table)
            gone = dynamodb._stream_trimmed.get_scoped(account, region, table, 0)
            if changes and min(read) > gone:
                del changes[: min(read) - gone]
                dynamodb._stream_trimmed.set_scoped(account, region, table, min(read))

    def run() -> None:
        while True:
            try:
                busy = poll()
                forget_what_was_read()
            except Exception:
                logging.getLogger(__name__).exception("reading the streams failed")
                busy = False
            if not busy:
                time.sleep(STREAM_PAUSE_SECONDS)

    threading.Thread(target=run, name="streams", daemon=True).start()


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


async def run(directory: Path, aws_port: int, api_port: int) -> None:
    door = Door(directory / API_ID_FILE)

    async def by_port(scope: dict[str, Any], receive: Any, send: Any) -> None:
        at_door = scope["type"] != "lifespan" and (scope.get("server") or (None, None))[1] == api_port
        await (door if at_door else USAGE)(scope, receive, send)

    config = Config()
    config.bind = [f"127.0.0.1:{aws_port}", f"127.0.0.1:{api_port}"]
    config.keep_alive_timeout = 75
    config.backlog = 2_048  # a thousand calls may come at once
    config.graceful_timeout = 1
    config.include_server_header = False
    config.loglevel = "WARNING"
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        await serve(by_port, config, shutdown_trigger=stopped.wait)  # type: ignore[arg-type]
    finally:
        lambda_runtime.reset()  # ends the functions' processes


def main() -> None:
    directory, aws_port, api_port = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "WARNING"), format="%(asctime)s %(name)s %(levelname)s %(message)s")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    hypercorn_compat.install()
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    keep_logs(directory / "logs")
    check_batches_as_single_calls()
    fine_grained.enforce_conditions()
    write_units.count_writes()
    run_batches_side_by_side()
    stay_fast_when_full()
    wait_less()
    read_streams_apart()
    asyncio.run(run(directory, aws_port, api_port))


def environment(settings: Any, base: dict[str, str]) -> dict[str, str]:
    """What MiniStack is started with. The functions inherit it, below what the template gives them."""
    scratch = settings.directory / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    return {
        **base,
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
        "PYTHONUNBUFFERED": "1",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "AUTH": "true",  # the functions' IAM roles are enforced
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(settings.aws_port),
        "AWS_ENDPOINT_URL": settings.functions_aws_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "LAMBDA_EXECUTOR": "local",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",  # keep away from the user's containers
        "LOG_LEVEL": os.environ.get("EMULATOR_LOG_LEVEL", "WARNING"),
    }


if __name__ == "__main__":
    main()

"""The tables past the product: what stands in them, and time that passes for a row."""

import time
from collections.abc import Iterator
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from local import deploy

# Of a message: the past, and what it waits for (as `World::age` of the end-to-end tests).
_TIMES = ("claimed_at", "unsure_since", "lease_until", "not_before", "due_at")
_JOB_TIMES = ("started_at", "moved_at", "nudged_at", "look_at")
_COUNT_ROWS = 8
_READ = TypeDeserializer().deserialize

Row = dict[str, Any]


class Tables:
    def __init__(self, record: dict[str, Any]) -> None:
        self._names = record["tables"]
        self._queues = record["queues"]
        aws = deploy.Aws(record["aws_endpoint"])
        self._dynamodb, self._sqs, self._lambda = aws.client("dynamodb"), aws.client("sqs"), aws.client("lambda")
        self._sweep = record["functions"]["reminders"]

    def sweep(self) -> None:
        self._lambda.invoke(FunctionName=self._sweep, Payload=b"{}")

    def scan(self, table: str) -> Iterator[Row]:
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=self._names[table]):
            for item in page["Items"]:
                yield {name: _READ(value) for name, value in item.items()}

    def messages(self) -> dict[str, Row]:
        """Every message we sent, by its id; what people wrote to us and further recipients are left out."""
        rows = {row["id"]: row for row in self.scan("messages")}
        return {id_: row for id_, row in rows.items() if "#" not in id_ and row.get("status") not in (None, "received")}

    def inbound_waiting(self) -> int:
        """Texts that came in and were not attended to yet."""
        return sum(row.get("status") == "received" and "due_at" in row for row in self.scan("messages"))

    def age(self, row: Row, seconds: float) -> None:
        """Lets a message grow older; one that moves on at this moment is not."""
        times = (*_TIMES, "sent_at") if row["status"] == "sent" else _TIMES
        self._move("messages", {"id": row["id"]}, row, times, seconds)

    def age_job(self, job: str, seconds: float) -> None:
        places = [(f"job#{job}", "job"), ("jobs#open", job), *((f"job#{job}", f"job#counts#{place}") for place in range(_COUNT_ROWS))]
        for pk, sk in places:
            key = {"pk": pk, "sk": sk}
            row = self._get("catalog", key)
            if row:
                self._move("catalog", key, row, _JOB_TIMES, seconds)

    def delivery_is_due(self, row: Row) -> None:
        """Lets the time of a delivery's next try come, and its worker's lease end."""
        past = time.time() - 1
        for name in ("not_before", "lease_until", "due_at"):
            if name in row and float(row[name]) / 1000 > past:
                self._move("deliveries", {"pk": row["pk"], "id": row["id"]}, row, (name,), float(row[name]) / 1000 - past)

    def open_jobs(self) -> list[str]:
        return [row["sk"] for row in self.scan("catalog") if row["pk"] == "jobs#open"]

    def queue(self, name: str) -> dict[str, int]:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._queues[name], AttributeNames=names)["Attributes"]
        return dict(zip(("visible", "taken", "delayed"), (int(found[name]) for name in names), strict=True))

    def dead(self) -> dict[str, int]:
        return {name: sum(self.queue(name).values()) for name in self._queues if name.endswith("_dead")}

    def dead_records(self, name: str) -> list[str]:
        found = self._sqs.receive_message(QueueUrl=self._queues[name], MaxNumberOfMessages=10, VisibilityTimeout=1)
        return [record["Body"] for record in found.get("Messages", [])]

    def _get(self, table: str, key: dict[str, str]) -> Row:
        item = self._dynamodb.get_item(TableName=self._names[table], Key=_written(key), ConsistentRead=True).get("Item", {})
        return {name: _READ(value) for name, value in item.items()}

    def _move(self, table: str, key: dict[str, str], row: Row, names: tuple[str, ...], seconds: float) -> None:
        there = [name for name in names if name in row]
        if not there:
            return
        sets = ", ".join(f"#{name} = :{name}" for name in there)
        same = " AND ".join(f"#{name} = :was_{name}" for name in there)
        values = {f":{name}": {"N": str(int(row[name]) - int(seconds * 1000))} for name in there}
        values |= {f":was_{name}": {"N": str(row[name])} for name in there}
        try:
            self._dynamodb.update_item(
                TableName=self._names[table], Key=_written(key), UpdateExpression=f"SET {sets}", ConditionExpression=same,
                ExpressionAttributeNames={f"#{name}": name for name in there}, ExpressionAttributeValues=values,
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            pass


def _written(key: dict[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"S": value} for name, value in key.items()}

"""DynamoDB's condition keys that MiniStack does not know: which partitions a request names (dynamodb:LeadingKeys), and which
attributes an update names (dynamodb:Attributes). With them the roles' conditions are enforced here as
on AWS, also for each item of a transaction.
"""

import json
import re
from collections import deque
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import dynamodb

_FUNCTIONS = {"attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size",
              "if_not_exists", "list_append"}
_KEYWORDS = {"and", "or", "not", "in", "between", "set", "remove", "add", "delete"}
# The context of each item of the transaction that is being checked, in the order of its checks.
_items: deque[dict[str, Any]] = deque()


def enforce_conditions() -> None:
    """Makes MiniStack evaluate conditions on these keys."""
    service_context = iam_actions.dynamodb_service_context
    transaction_checks = iam_actions.dynamodb_transaction_checks
    enforce = iam_evaluator.enforce

    def with_keys(body: bytes) -> dict[str, Any]:
        return {**service_context(body), **_context(_parsed(body))}

    def remembering_items(iam_action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
        checks = transaction_checks(iam_action, body, region, account)
        _items.clear()
        for item in _parsed(body).get("TransactItems") or [] if checks else []:
            _items.extend(
                _context(item[member], update=member == "Update")
                for member in iam_actions._DYNAMODB_TRANSACT_ITEM_ACTIONS
                if isinstance(item.get(member), dict) and item[member].get("TableName")
            )
        return checks

    def enforce_item(*args: Any, **kwargs: Any) -> Any:
        context = kwargs.get("service_context") or {}
        if "dynamodb:EnclosingOperation" in context and _items:
            kwargs["service_context"] = {**context, **_items.popleft()}
        return enforce(*args, **kwargs)

    iam_actions.dynamodb_service_context = with_keys
    iam_actions.dynamodb_transaction_checks = remembering_items
    iam_evaluator.enforce = enforce_item


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _context(request: dict[str, Any], *, update: bool | None = None) -> dict[str, Any]:
    context: dict[str, Any] = {}
    leading = list(_leading_keys(request))
    if leading:
        context["dynamodb:LeadingKeys"] = leading
    if update or (update is None and "UpdateExpression" in request):
        context["dynamodb:Attributes"] = sorted(_attributes(request))
    return context


def _leading_keys(request: dict[str, Any]) -> Any:
    """The values of the partition key that a request names."""
    for table, part in (request.get("RequestItems") or {}).items():
        if isinstance(part, dict):  # BatchGetItem
            yield from (_value(key.get(_hash_key(table))) for key in part.get("Keys", []))
        else:  # BatchWriteItem
            for write in part:
                item = write.get("PutRequest", {}).get("Item") or write.get("DeleteRequest", {}).get("Key") or {}
                yield _value(item.get(_hash_key(table)))
    table = request.get("TableName")
    if not table:
        return
    name = _hash_key(table, request.get("IndexName"))
    for part in (request.get("Key"), request.get("Item")):
        if part:
            yield _value(part.get(name))
    names = request.get("ExpressionAttributeNames") or {}
    values = request.get("ExpressionAttributeValues") or {}
    for attribute, value in re.findall(r"([#\w]+)\s*=\s*(:\w+)", request.get("KeyConditionExpression") or ""):
        if names.get(attribute, attribute) == name:
            yield _value(values.get(value))


def _hash_key(table: str, index: str | None = None) -> str:
    found = dynamodb._tables.get(table) or {}
    schema = found.get("KeySchema") or []
    for one in found.get("GlobalSecondaryIndexes") or []:
        if one.get("IndexName") == index:
            schema = one["KeySchema"]
    return next((key["AttributeName"] for key in schema if key["KeyType"] == "HASH"), "")


def _value(attribute: dict[str, Any] | None) -> str:
    return str(next(iter(attribute.values()))) if attribute else ""


def _attributes(request: dict[str, Any]) -> set[str]:
    """The top-level attributes that an update names, its key's included."""
    named = set((request.get("ExpressionAttributeNames") or {}).values()) | set(request.get("Key") or {})
    for expression in (request.get("UpdateExpression"), request.get("ConditionExpression")):
        words = re.findall(r"(?<![:#\w.])[A-Za-z_]\w*", expression or "")
        named |= {word for word in words if word.lower() not in _FUNCTIONS | _KEYWORDS}
    return named

"""Deploys template.yaml to the emulator as it would go to AWS: packages to S3, then CloudFormation with the SAM
transform. Done a second time it updates what changed, and only that."""

import copy
import json
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from . import build, credentials
from .emulator import API_ID_FILE
from .progress import Failure
from .settings import ACCESS_KEY, REGION, SECRET_KEY, STACK, Settings

BUCKET = "switchboard-packages"
TEMPLATE_KEY = "template.json"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


class Aws:
    """Clients for the emulator; nothing of the user's own AWS configuration is read."""

    def __init__(self, url: str) -> None:
        self._session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION)
        self._url = url

    def client(self, service: str) -> Any:
        settings = Config(proxies={}, s3={"addressing_style": "path"}, retries={"total_max_attempts": 2}, read_timeout=60)
        return self._session.client(service, endpoint_url=self._url, config=settings)


def deploy(settings: Settings, aws: Aws, document: dict[str, Any], binaries: dict[str, Path]) -> dict[str, str]:
    """Brings the stack to the template's state and gives its outputs."""
    packaged = _upload(aws, document, binaries)
    # A template of more than 51,200 bytes is taken from S3 only; `sam deploy` puts every one there.
    aws.client("s3").put_object(Bucket=BUCKET, Key=TEMPLATE_KEY, Body=json.dumps(packaged).encode())
    outputs = _create_or_update(aws, f"{settings.aws_url}/{BUCKET}/{TEMPLATE_KEY}", settings.parameters)
    _forget_old_packages(aws, packaged)
    _connect_routes(aws, document, outputs["ApiId"])
    _enable_expiry(aws, document)
    _lock(aws, outputs["AnchorsBucket"], settings.parameters)
    (settings.directory / API_ID_FILE).write_text(outputs["ApiId"])
    return outputs


def _upload(aws: Aws, document: dict[str, Any], binaries: dict[str, Path]) -> dict[str, Any]:
    """Puts every package in S3 under its hash and gives the template with CodeUri there, as `sam package` does."""
    packaged = copy.deepcopy(document)
    s3 = aws.client("s3")
    if BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET)
    there = {item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}
    for logical, name in build.function_names(document).items():
        hash_, packed = build.package(binaries[name])
        key = f"{name}/{hash_}.zip"
        if key not in there:
            s3.put_object(Bucket=BUCKET, Key=key, Body=packed)
        packaged["Resources"][logical]["Properties"]["CodeUri"] = {"Bucket": BUCKET, "Key": key}
    return packaged


def _forget_old_packages(aws: Aws, packaged: dict[str, Any]) -> None:
    """The emulator keeps its objects in memory, and a package is tens of megabytes."""
    s3 = aws.client("s3")
    uris = [resource.get("Properties", {}).get("CodeUri") for resource in packaged["Resources"].values() if isinstance(resource, dict)]
    used = {uri["Key"] for uri in uris if uri}
    for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        if item["Key"] not in used:
            s3.delete_object(Bucket=BUCKET, Key=item["Key"])


def _create_or_update(aws: Aws, template_url: str, parameters: dict[str, str]) -> dict[str, str]:
    cloudformation = aws.client("cloudformation")
    request = {
        "StackName": STACK,
        "TemplateURL": template_url,
        "Capabilities": CAPABILITIES,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    }
    try:
        cloudformation.create_stack(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AlreadyExistsException":
            raise _refused(error) from error
        try:
            cloudformation.update_stack(**request)
        except ClientError as nothing:
            if "No updates are to be performed" not in str(nothing):
                raise _refused(nothing) from nothing
    deadline = time.monotonic() + 120
    while True:
        stack = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        status = stack["StackStatus"]
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        if "FAILED" in status or "ROLLBACK" in status:
            raise Failure(f"The deployment of template.yaml failed: {_first_failure(cloudformation) or status}")
        if time.monotonic() > deadline:
            raise Failure(f"The deployment of template.yaml hangs in {status}")
        time.sleep(0.05)


def _refused(error: ClientError) -> Failure:
    return Failure(f"CloudFormation refused template.yaml: {error.response['Error'].get('Message', error)}")


def _first_failure(cloudformation: Any) -> str:
    events = cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    for event in sorted(events, key=lambda event: event["Timestamp"]):
        if event["ResourceStatus"].endswith("FAILED") and event.get("ResourceStatusReason"):
            return f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
    return ""


def routes(document: dict[str, Any]) -> dict[str, str]:
    """Route key ("POST /path") -> logical id of its function, from the template's HttpApi events."""
    found = {}
    for logical in build.function_names(document):
        for event in document["Resources"][logical]["Properties"].get("Events", {}).values():
            if event["Type"] == "HttpApi":
                found[f"{event['Properties']['Method'].upper()} {event['Properties']['Path']}"] = logical
    return found


def _connect_routes(aws: Aws, document: dict[str, Any], api_id: str) -> None:
    """Makes the API's routes. AWS makes them from the OpenAPI body that SAM writes; MiniStack does not read that body."""
    gateway = aws.client("apigatewayv2")
    cloudformation = aws.client("cloudformation")
    wanted = routes(document)
    there = {route["RouteKey"]: route for route in gateway.get_routes(ApiId=api_id, MaxResults="500")["Items"]}
    for key, route in there.items():
        if key not in wanted:
            gateway.delete_route(ApiId=api_id, RouteId=route["RouteId"])
    missing = {key: logical for key, logical in wanted.items() if key not in there}
    integrations: dict[str, str] = {}
    for logical in sorted(set(missing.values())):
        resource = cloudformation.describe_stack_resource(StackName=STACK, LogicalResourceId=logical)
        name = resource["StackResourceDetail"]["PhysicalResourceId"]
        integrations[logical] = gateway.create_integration(
            ApiId=api_id,
            IntegrationType="AWS_PROXY",
            IntegrationUri=f"arn:aws:lambda:{REGION}:000000000000:function:{name}",
            PayloadFormatVersion="2.0",
        )["IntegrationId"]
    for key, logical in missing.items():
        gateway.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{integrations[logical]}")


def _enable_expiry(aws: Aws, document: dict[str, Any]) -> None:
    """Turns time to live on; MiniStack honours it, but does not read it from a template."""
    dynamodb, cloudformation = aws.client("dynamodb"), aws.client("cloudformation")
    for logical, resource in document["Resources"].items():
        setting = resource.get("Properties", {}).get("TimeToLiveSpecification") if isinstance(resource, dict) else None
        if not setting:
            continue
        found = cloudformation.describe_stack_resource(StackName=STACK, LogicalResourceId=logical)
        table = found["StackResourceDetail"]["PhysicalResourceId"]
        now = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if now.get("TimeToLiveStatus") != "ENABLED":
            dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=setting)


def _lock(aws: Aws, bucket: str, parameters: dict[str, str]) -> None:
    """Turns the bucket's Object Lock on; MiniStack honours it, but does not read it from a template."""
    retention = {"Mode": parameters["AnchorLockMode"], "Days": int(parameters["AnchorDays"])}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": retention}}
    aws.client("s3").put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)


def _keys(secret: str) -> dict[str, str]:
    """The keys by generation of a lookup secret; none of one that CloudFormation made."""
    try:
        keys: dict[str, str] = json.loads(secret).get("keys", {})
    except ValueError:
        return {}
    return keys


def write_secrets(aws: Aws, document: dict[str, Any], made: dict[str, Any]) -> None:
    """Writes each secret that differs. An unchanged one is left alone, so that its previous version stays what it was."""
    manager = aws.client("secretsmanager")
    for logical, name in credentials.TEMPLATE_SECRETS.items():
        if logical not in document["Resources"]:
            continue
        value = json.dumps(made[name])
        secret = f"{STACK}/{name}"
        present = manager.get_secret_value(SecretId=secret)["SecretString"]
        if name == "lookup" and len(_keys(present)) > len(made[name]["keys"]):
            continue  # it was rotated: rows are stored under the present one
        if present != value:
            manager.put_secret_value(SecretId=secret, SecretString=value)

"""Makes the AWS calls of a test, one JSON object a line, and answers each with one.

    aws_calls.py ENDPOINT

A call is {"service": "ec2", "region": "us-east-1", "operation": "run_instances", "arguments": {…}}, named as boto3 names
it. The answer is {"answer": …}, or {"refused": "…"} where the service or boto3 refuses it. It ends when its input does.
"""

import json
import sys

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ENDPOINT = sys.argv[1]
# A test that has to ask twice should say so.
CONFIG = Config(read_timeout=30, retries={"total_max_attempts": 1})
CLIENTS = {}


def client(service, region):
    if (service, region) not in CLIENTS:
        CLIENTS[service, region] = boto3.client(
            service,
            endpoint_url=ENDPOINT,
            region_name=region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=CONFIG,
        )
    return CLIENTS[service, region]


def answer(call):
    operation = getattr(client(call["service"], call["region"]), call["operation"])
    try:
        return {"answer": operation(**call["arguments"])}
    except (BotoCoreError, Boto3Error, ClientError) as error:
        return {"refused": str(error)}


def shown(value):
    # An answer that is read as a stream, or a time.
    return value.read().decode() if hasattr(value, "read") else str(value)


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line)), default=shown), flush=True)

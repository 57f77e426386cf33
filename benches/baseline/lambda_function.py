"""The published reference design, as its function: the baseline of `cargo xtask bench lambda`.

"Enabling load-balancing of non-HTTP(s) traffic on AWS Wavelength" (AWS Compute Blog,
https://aws.amazon.com/blogs/compute/enabling-load-balancing-of-non-https-traffic-on-aws-wavelength/): for each EC2
state-change event, describe the instance, then create or delete one weighted record for its Carrier IP.

It is written as a person would write it, with clients made once. Where the design says nothing it is given the
kinder choice: one function serves the names of several pools, by a tag, and takes batches. It is no part of the
registrar, and shows on purpose what the registrar does otherwise: it believes the event, it deletes what it would
write today, and it never looks again.
"""

import json
import os

import boto3

TTL_SECS = 30
WEIGHT = 100

# {"<value of the tag>": {"hosted_zone_id": "Z…", "name": "video.bos.edge.example.com"}}
POOLS = json.loads(os.environ["BASELINE_POOLS"])
POOL_TAG = os.environ.get("BASELINE_POOL_TAG", "edge-dns")

ACTIONS = {"running": "UPSERT", "terminated": "DELETE"}

ec2 = boto3.client("ec2")
route53 = boto3.client("route53")


def lambda_handler(event, context):
    for envelope in envelopes(event):
        handle(envelope)
    return {"batchItemFailures": []}


def envelopes(event):
    if "Records" in event:
        return [json.loads(record["body"]) for record in event["Records"]]
    return [event]


def handle(envelope):
    detail = envelope["detail"]
    action = ACTIONS.get(detail["state"])
    if action is None:
        return
    instance_id = detail["instance-id"]
    reservations = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
    instance = reservations[0]["Instances"][0]
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
    pool = POOLS.get(tags.get(POOL_TAG))
    address = carrier_ip(instance)
    if pool is None or address is None:
        print(f"nothing to do for {instance_id}: pool {tags.get(POOL_TAG)}, address {address}")
        return
    route53.change_resource_record_sets(
        HostedZoneId=pool["hosted_zone_id"],
        ChangeBatch={"Changes": [change(action, pool["name"], instance_id, address)]},
    )


def carrier_ip(instance):
    for interface in instance.get("NetworkInterfaces", []):
        address = interface.get("Association", {}).get("CarrierIp")
        if address:
            return address
    return None


def change(action, name, instance_id, address):
    return {
        "Action": action,
        "ResourceRecordSet": {
            "Name": name,
            "Type": "A",
            "SetIdentifier": instance_id,
            "Weight": WEIGHT,
            "TTL": TTL_SECS,
            "ResourceRecords": [{"Value": address}],
        },
    }

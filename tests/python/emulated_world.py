"""Builds and reads an emulator's world for the end-to-end test of the function.

    emulated_world.py ENDPOINT setup
    emulated_world.py ENDPOINT terminate INSTANCE_ID
    emulated_world.py ENDPOINT records HOSTED_ZONE_ID
    emulated_world.py ENDPOINT messages QUEUE_URL

Every command prints JSON. The emulator's instances have no interfaces and no Carrier IPs, so the pool serves
their public addresses.
"""

import json
import sys

import boto3

ENDPOINT, COMMAND, *ARGUMENTS = sys.argv[1:]


def client(service):
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def setup():
    route53, ec2 = client("route53"), client("ec2")
    zone = route53.create_hosted_zone(Name="edge.example.com", CallerReference="1")["HostedZone"]["Id"]
    zone = zone.rsplit("/", 1)[-1]
    foreign = {
        "Name": "static.edge.example.com",
        "Type": "A",
        "TTL": 60,
        "ResourceRecords": [{"Value": "192.0.2.1"}],
    }
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": foreign}]}
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)
    made = ec2.run_instances(
        ImageId="ami-12345678",
        InstanceType="t3.medium",
        MinCount=3,
        MaxCount=3,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "edge-dns", "Value": "video"}]}],
    )
    document = {
        "version": 1,
        "record": {"hosted_zone_id": zone, "name": "video.edge.example.com"},
        "members": {"tags": {"edge-dns": "video"}, "address": "public-ip"},
    }
    name = "/registrar/edge/pools/video"
    client("ssm").put_parameter(Name=name, Type="String", Value=json.dumps(document))
    queue = client("sqs").create_queue(QueueName="registrar")["QueueUrl"]
    ids = [instance["InstanceId"] for instance in made["Instances"]]
    seen = ec2.describe_instances(InstanceIds=ids)["Reservations"]
    instances = [instance for reservation in seen for instance in reservation["Instances"]]
    addresses = {instance["InstanceId"]: instance["PublicIpAddress"] for instance in instances}
    return {"zone": zone, "queue_url": queue, "instances": addresses}


def records(zone):
    sets = client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    addresses = [one for one in sets if one["Type"] == "A"]
    return {one.get("SetIdentifier", one["Name"]): one["ResourceRecords"][0]["Value"] for one in addresses}


def terminate(instance):
    client("ec2").terminate_instances(InstanceIds=[instance])
    return {}


def messages(queue):
    attributes = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"]) + int(attributes["ApproximateNumberOfMessagesDelayed"])


COMMANDS = {"setup": setup, "records": records, "terminate": terminate, "messages": messages}
print(json.dumps(COMMANDS[COMMAND](*ARGUMENTS)))

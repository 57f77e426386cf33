"""Reads a JSON list of {"name", "policy"} and writes a line for each finding of parliament's."""

import json
import sys

import parliament

# Lambda adds it to every call of a function's own code, whatever the service, so that no service's list has it (Lambda
# developer guide, "Using source function ARN to control function access behavior").
OF_EVERY_SERVICE = "Unknown condition lambda:SourceFunctionArn for action "


def is_known(finding):
    return finding.issue == "UNKNOWN_CONDITION_FOR_ACTION" and finding.detail.startswith(OF_EVERY_SERVICE)


for item in json.load(sys.stdin):
    analysed = parliament.analyze_policy_string(json.dumps(item["policy"]))
    for finding in analysed.findings:
        if not is_known(finding):
            print(f"{item['name']}: {finding.issue} {finding.detail} {finding.location}")

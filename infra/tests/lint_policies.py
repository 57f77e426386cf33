"""Reads a JSON list of {"name", "policy"} and writes a line for each finding of parliament's."""

import json
import sys

import parliament

# Lambda sets this key on whatever a function's code calls; parliament's tables list keys by service only.
# Source: Lambda developer guide, "Controlling function access with the source function ARN".
UNKNOWN_TO_PARLIAMENT = "Unknown condition lambda:SourceFunctionArn for action "

for item in json.load(sys.stdin):
    analysed = parliament.analyze_policy_string(json.dumps(item["policy"]))
    for finding in analysed.findings:
        if str(finding.detail).startswith(UNKNOWN_TO_PARLIAMENT):
            continue
        print(f"{item['name']}: {finding.issue} {finding.detail} {finding.location}")

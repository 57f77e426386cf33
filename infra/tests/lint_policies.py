"""Reads a JSON list of {"name", "policy"} and writes a line for each finding of parliament's."""

import json
import sys

import parliament

for item in json.load(sys.stdin):
    analysed = parliament.analyze_policy_string(json.dumps(item["policy"]))
    for finding in analysed.findings:
        print(f"{item['name']}: {finding.issue} {finding.detail} {finding.location}")

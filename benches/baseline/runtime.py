"""A custom runtime for the baseline: the Runtime API's loop around its handler.

Both sides of `cargo xtask bench lambda` so run as processes under the same Runtime API
(https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html). Python's own runtime in Lambda does the same.
"""

import json
import os
import traceback
import urllib.request

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime"
REQUEST_ID = "Lambda-Runtime-Aws-Request-Id"
# Where the service sends it, it wants it back with the answer.
INVOCATION_ID = "Lambda-Runtime-Invocation-Id"


def main():
    try:
        from lambda_function import lambda_handler
    except Exception as error:
        post("init/error", described(error))
        raise
    while True:
        with urllib.request.urlopen(f"{API}/invocation/next") as reply:
            headers = reply.headers
            event = json.load(reply)
        echoed = {name: headers[name] for name in [INVOCATION_ID] if headers[name]}
        request_id = headers[REQUEST_ID]
        try:
            result = lambda_handler(event, None)
        except Exception as error:
            traceback.print_exc()
            post(f"invocation/{request_id}/error", described(error), echoed)
        else:
            post(f"invocation/{request_id}/response", result, echoed)


def described(error):
    return {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": []}


def post(path, document, headers=None):
    body = json.dumps(document).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    with urllib.request.urlopen(urllib.request.Request(f"{API}/{path}", body, headers, method="POST")) as reply:
        reply.read()


if __name__ == "__main__":
    main()

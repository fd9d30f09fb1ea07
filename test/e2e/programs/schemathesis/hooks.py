"""What schemathesis has to be told of this interface, so that what it sends gets somewhere.

The document tells what each option may be, not which of them go together, and random keys never
meet. So valid requests keep a few of their options, and name few keys. What waits gets a short
time; what streams is followed for a moment, because it never ends; frames are held against their
schema one by one. SKEIN_CLUSTER_ID names the cluster under test.
"""

import base64
import json
import os
import random
import re
import time
import urllib.parse

import jsonschema_rs
import requests.adapters
import schemathesis
import urllib3

cluster_id = os.environ["SKEIN_CLUSTER_ID"]
followed_seconds = 0.1
stream_types = ("text/event-stream", "application/x-ndjson")
duration = re.compile(r"^[0-9]+(ms|s|m|h|d)$")
keys = ["a", "a/b", "a/c", "é", "a//", "%"]
# Clients of HTTP fold these in paths, so that they have paths of their own.
folded_keys = [".", "a/../b"]
tags = ["*", '"0"', '"1"', "3", '"5"', '"r1"', '"1", "2"']
# The runtimes refuse a longer head by themselves, in their own ways.
query_bytes_max = 48 * 1024
# Each waits for what may never come.
awaiting = ("min_revision", "revision", "from_revision", "after", "max_staleness", "min_revision")

send = requests.adapters.HTTPAdapter.send


def send_and_follow(self, request, **options):
    response = send(self, request, **{**options, "stream": True})
    if response.headers.get("Content-Type", "").startswith(stream_types):
        response.raw = Followed(response.raw)
        response._content = response.raw.content
        response._content_consumed = True
    return response


class Followed:
    """A stream of which is there what came within a moment, whoever reads it."""

    def __init__(self, raw):
        self.headers = raw.headers
        self.content = follow(raw)
        self._left = self.content
        self._raw = raw
        raw.close()

    def read1(self, *_args, **_options):
        left, self._left = self._left, b""
        return left

    def __getattr__(self, name):
        return getattr(self._raw, name)


def follow(raw):
    ends = time.monotonic() + followed_seconds
    got = b""
    while (left := ends - time.monotonic()) > 0:
        # A stream that has ended has given its connection back.
        if raw._connection is not None and raw._connection.sock is not None:
            raw._connection.sock.settimeout(left)
        try:
            part = raw.read1(1 << 20)
        except (TimeoutError, urllib3.exceptions.ReadTimeoutError):
            break
        if not part:
            break
        got += part
    return got


requests.adapters.HTTPAdapter.send = send_and_follow


@schemathesis.hook
def before_load_schema(_context, document):
    """A value comes with whatever media type was stored with it.

    The schema of a stream is that of a frame's data, which schemathesis would take for the event
    around it; frames have a check of their own below.
    """
    for path, item in document["paths"].items():
        for operation in item.values():
            content = operation["responses"].get("200", {}).get("content", {})
            if path in ("/v1/kv/{key}", "/v1/kv64/{key64}") and content:
                content["*/*"] = {}
            for media_type in stream_types:
                content.get(media_type, {}).pop("schema", None)


@schemathesis.hook
def before_call(_context, case, _kwargs):
    declared = {parameter.name for parameter in case.operation.query}
    query = dict(case.query or {})
    headers = dict(case.headers or {})
    choose = random.Random(repr((case.path_parameters, query, headers)))
    is_valid = case.meta is None or case.meta.generation.mode.value == "positive"
    if is_valid:
        make_sensible(case, query, headers, choose)
    for options, name in ((query, "cluster_id"), (headers, "KV-Cluster-Id")):
        # Another cluster's refusal comes before all others.
        if name in options and not (is_valid and choose.random() < 0.1):
            options[name] = cluster_id
    if "timeout" in declared and ("timeout" not in query or duration.match(str(query["timeout"]))):
        query["timeout"] = "200ms" if awaits(query, headers) else "60s"
    if duration.match(str(query.get("wait", ""))):
        query["wait"] = "50ms"
    if "wait" in str(headers.get("Prefer", "")):
        headers["Prefer"] = "wait=0"
    while len(urllib.parse.urlencode(query)) > query_bytes_max:
        longest = max(query, key=lambda name: len(str(query[name])))
        query[longest] = str(query[longest])[: len(str(query[longest])) // 2]
    case.query = query
    case.headers = headers


def awaits(query, headers):
    return any(name in query for name in awaiting) or "Last-Event-ID" in headers


def make_sensible(case, query, headers, choose):
    for options, kept in ((query, 0.2), (headers, 0.15)):
        for name in list(options):
            is_required = any(
                each.name == name and each.is_required
                for each in [*case.operation.query, *case.operation.headers]
            )
            if not is_required and name != "Content-Type" and choose.random() > kept:
                del options[name]
    for options, names in (
        (query, ("if_match", "if_none_match")),
        (headers, ("If-Match", "If-None-Match")),
    ):
        for name in names:
            if name in options:
                options[name] = choose.choice(tags)
    for name in awaiting:
        if name in query and isinstance(query[name], int) and choose.random() > 0.2:
            query[name] = 1 + query[name] % 5
    for name, values in (("ttl", "1s 10m 1d"), ("filter", "put delete put,delete"), ("lease", "7")):
        if name in query:
            query[name] = choose.choice(values.split())
    if "key64" in query:
        del query["key64"]
    if (case.method, case.operation.path, "application/x-ndjson") in frames_checked:
        if choose.random() < 0.4:
            query["format"] = "ndjson"
    path = case.path_parameters
    if path and choose.random() > 0.2:
        if "key" in path:
            path["key"] = choose.choice(keys)
        if "key64" in path:
            path["key64"] = in_base64url(choose.choice(keys + folded_keys))
        if "name" in path:
            path["name"] = choose.choice(["one", "two"])
        if "id" in path:
            path["id"] = "7"


def in_base64url(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@schemathesis.check
def no_failure_of_the_server(_context, response, case):
    """Only what asks for what may never come may be told that it did not."""
    if response.status_code < 500:
        return
    if response.status_code in (503, 504) and awaits(case.query or {}, case.headers or {}):
        return
    raise AssertionError(f"{response.status_code} is a failure of the server")


with open(os.environ["SKEIN_DOCUMENT"], encoding="utf8") as file:
    document = json.load(file)


def resolved(value):
    if "$ref" not in value:
        return value
    found = document
    for part in value["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


# The runtimes' own.
hop_headers = {"connection", "date", "keep-alive", "transfer-encoding", "content-type"}


@schemathesis.check
def headers_are_declared(_context, response, case):
    """Schemathesis itself looks for headers that are missing, not for those that are too many."""
    operation = document["paths"][case.operation.path].get(case.method.lower())
    # Statuses are another check's, and so are methods that schemathesis makes up.
    if operation is None or str(response.status_code) not in operation["responses"]:
        return
    declared = operation["responses"][str(response.status_code)]
    names = {name.lower() for name in resolved(declared).get("headers", {})}
    strangers = {name.lower() for name in response.headers} - names - hop_headers
    assert not strangers, f"{response.status_code} has the undeclared {', '.join(strangers)}"


def frame_validators():
    validators = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            content = operation["responses"].get("200", {}).get("content", {})
            for media_type in stream_types:
                if media_type in content:
                    schema = {**content[media_type]["schema"], "components": document["components"]}
                    validators[method.upper(), path, media_type] = jsonschema_rs.validator_for(schema)
    return validators


frames_checked = frame_validators()


@schemathesis.check
def frames_fit_their_schema(_context, response, case):
    media_type = response.headers.get("content-type", [""])[0].split(";")[0]
    validator = frames_checked.get((case.method, case.operation.path, media_type))
    if response.status_code != 200 or validator is None:
        return
    text = response.content.decode("utf8")
    if media_type == "text/event-stream":
        whole = text.split("\n\n")[:-1]
        lines = [line[6:] for frame in whole for line in frame.split("\n") if line[:6] == "data: "]
    else:
        lines = text.split("\n")[:-1]
    for line in lines:
        for error in validator.iter_errors(json.loads(line)):
            raise AssertionError(f"{error.message} at {error.instance_path} of {line}")

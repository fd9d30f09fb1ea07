"""A client of the package that openapi-python-client makes of the document, as a stranger writes one.

Arguments: the address of a node, and the prefix of the keys to use. It writes a line of JSON for
each step of the conversation that sdk_test.ts expects.
"""

import json
import sys
from io import BytesIO

from skein_client import Client
from skein_client.api.keys import get_value, list_keys, put_value
from skein_client.api.leases import get_lease, grant_lease, keep_lease_alive, revoke_lease
from skein_client.api.transactions import run_txn
from skein_client.models import (
    Compare,
    CompareOp,
    CompareTarget,
    LeaseRequest,
    Problem,
    PutResult,
    Record,
    Txn,
    TxnGet,
    TxnOperation,
    TxnPut,
)
from skein_client.types import UNSET, File

RECORD = ("key", "value", "create", "mod", "version", "content_type")


def tell(step, response, **told):
    print(json.dumps({"step": step, "status": int(response.status_code), **told}))


def put(client, key, value, **options):
    body = File(payload=BytesIO(value.encode()))
    return put_value.sync_detailed(key, client=client, body=body, **options)


def written(result):
    assert isinstance(result, PutResult), result
    return {name: getattr(result, name) for name in ("key", "revision", "create", "version")}


def record_of(record):
    if record is None:
        return None
    assert isinstance(record, Record), record
    return {name: getattr(record, name) for name in RECORD}


def refused(problem):
    assert isinstance(problem, Problem), problem
    outcome = None if problem.outcome is UNSET else problem.outcome.value
    return {"code": problem.code, "outcome": outcome}


def talk_of_keys(client, prefix):
    created = put(client, prefix + "a", "one", content_type="text/plain")
    tell("put", created, **written(created.parsed))
    found = get_value.sync_detailed(prefix + "a", client=client)
    value = found.parsed.payload.read().decode()
    tell("get", found, type=found.headers["Content-Type"], value=value)

    tag = f'"{created.parsed.revision}"'
    swapped = put(client, prefix + "a", "two", if_match_header=tag)
    tell("swap", swapped, **written(swapped.parsed))
    lost = put(client, prefix + "a", "three", if_match_header=tag)
    tell("lose", lost, **refused(lost.parsed), current=record_of(lost.parsed.current))

    other = put(client, prefix + "b", "käse")
    tell("put", other, **written(other.parsed))
    listed = list_keys.sync_detailed(client=client, prefix=prefix)
    page = listed.parsed
    items = [record_of(item) for item in page.items]
    tell("list", listed, items=items, count=page.count, revision=page.revision)


def talk_of_transactions(client, prefix):
    a, b, never = prefix + "a", prefix + "b", prefix + "never"
    body = Txn(
        if_=[Compare(key=a, target=CompareTarget.VALUE, op=CompareOp("="), value="two")],
        then=[
            TxnOperation(put=TxnPut(key=a, value="three")),
            TxnOperation(get=TxnGet(key=b)),
        ],
        else_=[TxnOperation(get=TxnGet(key=a)), TxnOperation(get=TxnGet(key=never))],
    )
    held = run_txn.sync_detailed(client=client, body=body)
    done, read = held.parsed.results
    told = {name: getattr(done.put, name) for name in ("revision", "create", "version")}
    tell("then", held, succeeded=held.parsed.succeeded, put=told, get=record_of(read.get))
    failed = run_txn.sync_detailed(client=client, body=body)
    gets = [record_of(result.get) for result in failed.parsed.results]
    tell("else", failed, succeeded=failed.parsed.succeeded, gets=gets)


def talk_of_leases(client, prefix):
    granted = grant_lease.sync_detailed(client=client, body=LeaseRequest(ttl="60s"))
    lease = granted.parsed.id
    tell("grant", granted, ttl_ms=granted.parsed.ttl_ms)
    hung = put(client, prefix + "c", "leased", lease=lease)
    tell("hang", hung, **written(hung.parsed))

    kept = keep_lease_alive.sync_detailed(lease, client=client)
    tell("keep", kept, same=kept.parsed.id == lease, ttl_ms=kept.parsed.ttl_ms)
    looked = get_lease.sync_detailed(lease, client=client, keys=True)
    seen = looked.parsed
    tell(
        "look",
        looked,
        is_left=0 < seen.remaining_ms <= 60_000,
        key_count=seen.key_count,
        keys=[item.key for item in seen.keys],
    )
    revoked = revoke_lease.sync_detailed(lease, client=client)
    tell("revoke", revoked)
    gone = get_value.sync_detailed(prefix + "c", client=client)
    tell("miss", gone, **refused(gone.parsed))


with Client(base_url=sys.argv[1]) as session:
    talk_of_keys(session, sys.argv[2])
    talk_of_transactions(session, sys.argv[2])
    talk_of_leases(session, sys.argv[2])

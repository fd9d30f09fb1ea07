/**
 * Calls on what the linearizability checker cannot judge: transactions, batches, documents,
 * counters, leases, compaction. They keep to keys of their own, under `m/`; the witness says what
 * each must have answered.
 */

import type { Operation, Txn, TxnOperation } from "../../src/kv/command.ts";
import { utf8 } from "../../src/lib/bytes.ts";
import type { Prng } from "../../src/lib/prng.ts";
import { del, delRange, put } from "../harness/kv_commands.ts";

const leaseIds = ["1", "2", "3", "4", "5", "6"];
const asked = { conditions: {}, prev: false, returnValue: true } as const;

interface Drawn {
  /** A label that nobody else writes. */
  readonly value: string;
  /** The newest one that somebody has seen. */
  readonly revision: number;
}

/** What a client does next. */
export function drawStoreOperation(prng: Prng, drawn: Drawn): Operation {
  const kind = prng.below(20);
  if (kind < 5) return { kind: "update", key: utf8("m/count"), change: increment, ...asked };
  if (kind < 8) return drawTxn(prng, drawn, 1);
  if (kind < 10) {
    const [first, second] = [keyOf(prng), keyOf(prng)];
    return {
      kind: "batch",
      items: [put(first, drawn.value), { kind: "get", key: second }, del(first)],
    };
  }
  if (kind < 12) {
    const patch = utf8(JSON.stringify({ [`f${prng.below(5)}`]: drawn.value }));
    return { kind: "merge", key: utf8("m/document"), patch, ...asked };
  }
  if (kind < 19) return drawLease(prng, drawn);
  return { kind: "compact", revision: Math.max(1, drawn.revision - prng.below(100)) };
}

const increment = { kind: "add", operand: "1" } as const;

function keyOf(prng: Prng): Uint8Array {
  return utf8(`m/${prng.below(10)}`);
}

function drawTxn(prng: Prng, drawn: Drawn, depth: number): Txn {
  return {
    kind: "txn",
    compares: [{
      target: { kind: "key", key: keyOf(prng) },
      operator: prng.chance(1, 2) ? "=" : ">",
      expected: { kind: "version", count: prng.below(3) },
    }],
    then: [drawTxnOperation(prng, drawn, depth), drawTxnOperation(prng, drawn, 0)],
    otherwise: [drawTxnOperation(prng, drawn, 0)],
  };
}

function drawTxnOperation(prng: Prng, drawn: Drawn, depth: number): TxnOperation {
  const kind = prng.below(depth > 0 ? 5 : 4);
  if (kind < 2) {
    const lease = prng.chance(1, 4) ? { lease: leaseOf(prng) } : {};
    return {
      kind: "put",
      put: { key: keyOf(prng), value: utf8(drawn.value), prev: true, ...lease },
    };
  }
  if (kind < 3) return { kind: "get", key: keyOf(prng) };
  if (kind < 4) return { kind: "delete", target: { kind: "key", key: keyOf(prng) }, prev: false };
  return { kind: "txn", txn: drawTxn(prng, drawn, 0) };
}

function leaseOf(prng: Prng): string {
  return leaseIds[prng.below(leaseIds.length)]!;
}

function drawLease(prng: Prng, { value }: Drawn): Operation {
  const kind = prng.below(8);
  if (kind < 2) return { kind: "grantLease", ttlMs: 1_000 + prng.below(4_000), id: leaseOf(prng) };
  if (kind < 4) return put(keyOf(prng), value, { lease: leaseOf(prng) });
  if (kind < 5) return put(keyOf(prng), value, { ttlMs: 1_000 + prng.below(4_000) });
  if (kind < 6) return { kind: "keepLeases", ids: [leaseOf(prng), leaseOf(prng)] };
  if (kind < 7) return { kind: "revokeLease", id: leaseOf(prng) };
  const end = `m/${prng.below(10)}`;
  return delRange("m/0", end < "m/0" ? "m/1" : end, { prev: true });
}

/**
 * Reads under a leader's lease, each where another one leads already and the first has not heard of
 * it (thesis §6.4.1; docs/decisions/0015-lease-reads.md). Each is one of the planted bugs M35 to
 * M38, step by step.
 */

import type { SimNode } from "../../harness/sim_node.ts";
import { describe, it } from "../../harness/test.ts";
import { type Props, scenario } from "./play.ts";

const [slowest, fastest] = [750, 1_250];

/** What one clock may lose against another in the file; elections follow one another closely. */
function leases({ driftPermille }: { readonly driftPermille: number }) {
  return {
    config: {
      "raft.lease_reads": "true",
      "raft.clock_drift_permille_max": String(driftPermille),
      "raft.lease_margin_ms": "10",
      "raft.heartbeat_interval_ms": "100",
      "raft.election_timeout_min_ms": "1000",
      "raft.election_timeout_max_ms": "1300",
    },
  };
}

/** A reads under its lease, and all others have what it shows. */
function readsUnderLease({ t, expect, A, B, C }: Props): void {
  t.write("x", "old");
  expect.level(A, B, C);
  expect.holdsLease(A);
  expect.reads(t.readLeaseAt(A, "x"), "old");
}

/** Another one leads and has written; A believes to lead, and must not show what was before. */
function mayNotShowOld({ t, expect, A }: Props, ...others: readonly SimNode[]): void {
  expect.leader(...others);
  t.write("x", "new");
  expect.leads(A);
  const read = t.readLeaseAt(A, "x");
  expect.pending(read, 100);
  t.mend();
  expect.reads(read, "new");
}

describe("a read under a lease", () => {
  it(
    "#43 is over before another may lead whose clock is fast, where that of the leader is slow",
    scenario((props) => {
      const { t, A, B, C } = props;
      readsUnderLease(props);
      t.setClockRate(A, slowest);
      for (const other of [B, C]) t.setClockRate(other, fastest);
      t.isolate(A);
      mayNotShowOld(props, B, C);
    }, leases({ driftPermille: 1_000 - (1_000 * slowest) / fastest })),
  );

  it(
    "#43 is over when the machine of the leader wakes, though its clock has stood still meanwhile",
    scenario((props) => {
      const { t, expect, A, B, C } = props;
      readsUnderLease(props);
      t.isolate(A);
      t.suspend(A);
      expect.leader(B, C);
      t.write("x", "new");
      t.resume(A);
      mayNotShowOld(props, B, C);
    }, leases({ driftPermille: 100 })),
  );

  it(
    "#43 is over once the leader has told another node to campaign, whatever it hears of that",
    scenario((props) => {
      const { t, A, B, C } = props;
      readsUnderLease(props);
      for (const other of [B, C]) t.cut(other, A);
      t.transfer(A, B);
      mayNotShowOld(props, B);
    }, leases({ driftPermille: 100 })),
  );

  it(
    "#43 counts from when its round was sent, however late that is confirmed",
    scenario((props) => {
      const { t, A, B, C } = props;
      readsUnderLease(props);
      for (const other of [B, C]) t.clog(other, A, 600);
      // One more round arrives, and then nobody hears of A.
      t.pass(150);
      for (const other of [B, C]) t.cut(A, other);
      t.pass(455);
      for (const other of [B, C]) t.cut(other, A);
      mayNotShowOld(props, B, C);
    }, leases({ driftPermille: 100 })),
  );
});

/**
 * When leases end, by the time of the world: never early, and late by at most a second and the time
 * without a leader (I13). Runs from seeds see that none ends early and that none is left; how late
 * one ends among their faults cannot be told there.
 */

import { put } from "../../harness/kv_commands.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { describe, it } from "../../harness/test.ts";
import { type Props, scenario } from "./play.ts";

const ttlMs = 8_000;
const lateMsMax = 1_000;
const stepMs = 10;
/** From one grant to the next, so that they are not all over as somebody looks. */
const apartMs = 170;

const keys = ["a", "b", "c", "d", "e"];

/** Puts the keys one after the other, each with a lease of its own. */
function putAll({ t, A }: Props): void {
  for (const key of keys) {
    A.propose(put(key, "v", { ttlMs }));
    t.pass(apartMs);
  }
}

function isThere(node: SimNode, key: string): boolean {
  return node.value(key) !== undefined;
}

/** `grantedMs`: when the first was put; `withoutMs`: for so long nobody has led since. */
function endInTime(
  { t, expect, B }: Props,
  { grantedMs, withoutMs }: { readonly grantedMs: number; readonly withoutMs: number },
): void {
  for (const [at, key] of keys.entries()) {
    const dueMs = grantedMs + at * apartMs + ttlMs;
    while (isThere(B, key)) {
      t.pass(stepMs);
      expect.atMost(dueMs + withoutMs + lateMsMax, timeOf(B), `the time of the end of ${key}`);
    }
    expect.atMost(timeOf(B), dueMs, `the time until which ${key} must live`);
  }
}

function timeOf({ clock }: SimNode): number {
  return clock.monotonicMs();
}

describe("leases on a calm cluster", () => {
  it(
    "end within a second of their time, and not before",
    scenario((props) => {
      const grantedMs = timeOf(props.B);
      putAll(props);
      endInTime(props, { grantedMs, withoutMs: 0 });
    }),
  );

  it(
    "outlive a leader by the time without one, and a second",
    scenario((props) => {
      const { t, expect, A, B, C } = props;
      const grantedMs = timeOf(B);
      putAll(props);
      // Nothing is written meanwhile: how late it is stands nowhere but in what the leader adds.
      t.pass(4_700);
      const killedMs = timeOf(B);
      t.kill(A);
      expect.leader(B, C);
      endInTime(props, { grantedMs, withoutMs: timeOf(B) - killedMs });
    }),
  );
});

import type { StateHash } from "../../../src/kv/checksum.ts";
import { hashedEvery, hashesMax, type PositionedHash } from "../../../src/kv/past_hashes.ts";
import { isQuorum } from "../../../src/raft/quorum.ts";
import type { NodeId } from "../../../src/raft/types.ts";
import { askedHashes } from "../../../src/service/asked_hashes.ts";
import type { ForwardOutcome, ForwardRequest } from "../../../src/service/forwarder.ts";
import {
  type AskHashes,
  differenceText,
  judge,
  StateComparison,
  type StateVerdict,
} from "../../../src/service/state_comparison.ts";
import { StoreChecks } from "../../../src/service/store_checks.ts";
import { assert, describe, it } from "../../harness/test.ts";

const [right, wrong, other]: readonly StateHash[] = [
  { a: 1, b: 2 },
  { a: 1, b: 3 },
  { a: 2, b: 2 },
] as const;

/** Entry `index` of term 1, or of the given one. */
function at(index: number, hash: StateHash | undefined, term = 1): PositionedHash {
  assert.ok(hash);
  return { position: { index, term }, hash };
}

type Reports = Readonly<Record<NodeId, readonly PositionedHash[]>>;

/** Node 1 judges itself; the voters are 1 to 3, if nothing else is said. */
function judged(
  mine: readonly PositionedHash[],
  reports: Reports,
  sets: readonly (readonly NodeId[])[] = [[1, 2, 3]],
): StateVerdict {
  const told = new Map(Object.entries(reports).map(([id, hashes]) => [Number(id), hashes]));
  return judge({ self: 1, isQuorum: (says) => isQuorum(sets, says), mine, reports: told });
}

describe("A node that compares its state with that of the others", () => {
  it("is content where all have the same", () => {
    const same = [at(1024, right), at(2048, other)];
    assert.deepEqual(judged([...same, at(2050, right)], { 2: same, 3: same }), {
      ...{ kind: "equal", position: { index: 2048, term: 1 }, members: [2, 3] },
    });
  });

  it("finds itself damaged where a majority of the voters agrees on something else", () => {
    const verdict = judged([at(8, wrong)], { 2: [at(8, right)], 3: [at(8, right)] });
    assert.equal(verdict.kind, "damaged");
    assert.equal(
      verdict.kind === "damaged" && differenceText(verdict),
      "after entry 8 of term 1 the hash of its state is 0000000100000003, but " +
        "0000000100000002 at node 2, 0000000100000002 at node 3",
    );
  });

  it("does so where that was longer ago, and where it has come further itself", () => {
    const mine = [at(1024, wrong), at(2048, wrong), at(2100, wrong)];
    const verdict = judged(mine, { 2: [at(1024, right)], 3: [at(1024, right), at(1500, right)] });
    assert.equal(verdict.kind === "damaged" && verdict.position.index, 1024);
  });

  it("knows who is damaged where a majority agrees with it", () => {
    const verdict = judged([at(8, right)], { 2: [at(8, right)], 3: [at(8, wrong)] });
    assert.deepEqual(verdict, {
      ...{ kind: "differing", position: { index: 8, term: 1 }, hash: right },
      ...{ others: [{ id: 3, hash: wrong }], isDecided: true },
    });
  });

  it("does not decide without a majority: two voters, a silent one, three opinions", () => {
    const undecided = [
      judged([at(8, wrong)], { 2: [at(8, right)] }, [[1, 2]]),
      judged([at(8, wrong)], { 2: [at(8, right)], 3: [] }),
      judged([at(8, wrong)], { 2: [at(8, right)], 3: [at(8, other)] }),
      judged([at(8, wrong)], { 2: [at(8, right)], 3: [at(8, right)] }, [[1, 2, 3], [1, 4, 5]]),
    ];
    for (const verdict of undecided) {
      assert.equal(verdict.kind === "differing" && verdict.isDecided, false);
    }
  });

  it("waits for a voter that may decide and is at another position just now", () => {
    const mine = [at(1024, right), at(2050, right)];
    const behind = { 2: [at(1024, right), at(2049, right)], 3: [at(1024, right), at(2050, wrong)] };
    const ahead = { ...behind, 2: [at(1024, right), at(2051, right)] };
    for (const elsewhere of [behind, ahead]) {
      assert.deepEqual(judged(mine, elsewhere), { kind: "notCompared" });
    }
    // Of a young cluster, where nobody has a hash but of now.
    for (const index of [7, 9]) {
      const verdict = judged([at(8, right)], { 2: [at(index, right)], 3: [at(8, wrong)] });
      assert.deepEqual(verdict, { kind: "notCompared" });
    }
    const come = { ...behind, 2: [at(1024, right), at(2050, right)] };
    const verdict = judged(mine, come);
    assert.equal(verdict.kind === "differing" && verdict.isDecided, true);
  });

  it("does not wait for who cannot decide it, or is too far behind, or does not vote", () => {
    const now = hashedEvery * hashesMax + 2;
    const mine = [at(now, right)];
    const differ = { 3: [at(now, wrong)] };
    const verdicts = [
      judged(mine, { ...differ, 2: [at(2, right)] }),
      judged(mine, { ...differ, 2: [at(now - 1, right)] }, [[1, 3]]),
      judged(mine, { ...differ, 2: [at(now - 1, right)] }, [[1, 2, 3, 4, 5]]),
    ];
    for (const verdict of verdicts) {
      assert.equal(verdict.kind === "differing" && verdict.isDecided, false);
    }
  });

  it("is judged as a learner, and does not count as one", () => {
    const voters = [[2, 3, 4]];
    const learner = judged([at(8, wrong)], { 2: [at(8, right)], 3: [at(8, right)] }, voters);
    assert.equal(learner.kind, "damaged");
    // Two learners and a voter are not a majority of three voters.
    const reports = { 2: [at(8, right)], 5: [at(8, right)], 6: [at(8, right)] };
    const verdict = judged([at(8, wrong)], reports, [[1, 2, 3]]);
    assert.equal(verdict.kind, "differing");
  });

  it("compares nothing at positions that are not the same", () => {
    const reports = { 2: [at(7, right), at(9, right)], 3: [at(8, right, 2)] };
    assert.deepEqual(judged([at(8, wrong)], reports), { kind: "notCompared" });
    assert.deepEqual(judged([], { 2: [at(7, right)] }), { kind: "notCompared" });
  });
});

/** All but node 1. */
let others: readonly number[] = [2, 3, 4];

type Tell = Parameters<AskHashes>[1]["tell"];

/** A comparison of node 1 whose others answer as told, or with nothing. */
function comparing(answers: Readonly<Record<string, (tell: Tell) => void>>) {
  const verdicts: StateVerdict[] = [];
  const asked: string[] = [];
  const comparison = new StateComparison({
    ...{ self: 1, others: () => others },
    isQuorum: (says) => isQuorum([[1, 2, 3]], says),
    addressOf: (id) => id === 4 ? undefined : `node${id}`,
    hashes: () => [at(8, right)],
    ask: (address, { tell }) => {
      asked.push(address);
      (answers[address] ?? ((nothing) => nothing([])))(tell);
    },
    onVerdict: (verdict) => verdicts.push(verdict),
  });
  return { comparison, verdicts, asked };
}

function answering(...hashes: readonly PositionedHash[]): (tell: Tell) => void {
  return (tell) => tell(hashes);
}

describe("A comparison", () => {
  it("takes back what it has found where nobody else is a member any more", () => {
    const { comparison, verdicts } = comparing({ node2: answering(at(8, wrong)) });
    const checks = new StoreChecks(() => 0);
    const isOk = () => {
      checks.compared(verdicts.at(-1) ?? { kind: "notCompared" });
      return checks.all()[0]?.ok;
    };
    comparison.look();
    assert.equal(isOk(), false);
    others = [];
    comparison.look();
    others = [2, 3, 4];
    assert.deepEqual(verdicts.at(-1), { kind: "alone" });
    assert.equal(isOk(), true);
  });

  it("asks everybody whose address is known, and judges by those who answer", () => {
    const { comparison, verdicts, asked } = comparing({ node3: answering(at(8, right)) });
    comparison.look();
    assert.deepEqual(asked, ["node2", "node3"]);
    assert.deepEqual(verdicts, [
      { kind: "equal", position: { index: 8, term: 1 }, members: [3] },
    ]);
  });

  it("is not begun while one is under way, and says nothing after its end", () => {
    let answer: Tell = () => {};
    const { comparison, verdicts, asked } = comparing({ node2: (tell) => answer = tell });
    comparison.look();
    comparison.look();
    assert.equal(asked.length, 2);
    comparison.close();
    answer([at(8, right)]);
    assert.deepEqual(verdicts, []);
    comparison.look();
    assert.equal(asked.length, 2);
  });

  it("comes again when the one before is over", () => {
    const { comparison, verdicts, asked } = comparing({ node2: answering(at(8, right)) });
    comparison.look();
    comparison.look();
    assert.deepEqual(asked, ["node2", "node3", "node2", "node3"]);
    assert.equal(verdicts.length, 2);
  });
});

describe("The hashes of a member", () => {
  it("are asked for in one hop, and are none where no such answer comes", async () => {
    const requests: ForwardRequest[] = [];
    let outcome: ForwardOutcome = {
      kind: "answered",
      answer: { kind: "stateHashes", hashes: [at(8, right)] },
    };
    const ask = askedHashes({
      ...{ self: 1, clusterId: "c" },
      forwarder: {
        forward: (_address, request) => {
          requests.push(request);
          return Promise.resolve(outcome);
        },
      },
    });
    const { signal } = new AbortController();
    const told = () => new Promise((tell) => ask("node2", { signal, tell }));
    assert.deepEqual(await told(), [at(8, right)]);
    assert.deepEqual(requests, [{
      ...{ clusterId: "c", from: 1, requestId: "state-1-1" },
      ...{ timeoutMs: 2_000, body: { kind: "stateHashes" } },
    }]);
    outcome = { kind: "notSent", detail: "" };
    assert.deepEqual(await told(), []);
    outcome = { kind: "answered", answer: { kind: "transferred", leader: 2 } };
    assert.deepEqual(await told(), []);
  });
});

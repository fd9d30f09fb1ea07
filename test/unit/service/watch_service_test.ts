import type { ReadOutcome } from "../../../src/node/readers.ts";
import type { WatchRequest } from "../../../src/service/contract.ts";
import { RevisionWait } from "../../../src/service/revision_wait.ts";
import { NodeWatchService } from "../../../src/service/watch_service.ts";
import { FakeClusterService, FakeStore } from "../../harness/fake_services.ts";
import { put } from "../../harness/kv_commands.ts";
import { failureOf, within } from "../../harness/served_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** A node whose reads are confirmed when the test says so. */
function served() {
  const store = new FakeStore();
  const asked: ((outcome: ReadOutcome) => void)[] = [];
  const node = {
    readNow: store.read.bind(store),
    onApplied: store.onApplied.bind(store),
    readIndex: (_deadlineMs: number, settle: (outcome: ReadOutcome) => void) => {
      asked.push(settle);
      return () => {};
    },
  };
  const service = new NodeWatchService({
    ...{ node, cluster: new FakeClusterService(), self: 1 },
    revisions: new RevisionWait(node, () => store.revision),
    store: () => store.machine.status(),
    header: () => ({ revision: store.revision, servedBy: 1, leader: 1, clusterId: "c" }),
    monotonicMs: () => 0,
    soon: (run) => setImmediate(run),
    limits: { watchesMax: 2 },
  });
  return { store, asked, service };
}

const everything: WatchRequest = {
  target: { kind: "range", start: new Uint8Array(0) },
  prev: false,
};

describe("A watch from now on", () => {
  it("begins behind all that was committed, though this node has yet to apply it", async () => {
    const { store, asked, service } = served();
    const opening = service.watch(everything, within(1_000));
    store.apply(put("a", "1"));
    assert.equal(asked.length, 1, "nobody was asked whether that is all");
    asked[0]!({ kind: "readable", index: 1 });
    assert.equal((await opening).watch.after, 2);
  });

  it("is refused, and gives its place back, where nobody can confirm that", async () => {
    const { asked, service } = served();
    const opening = service.watch(everything, within(1_000));
    assert.equal(service.size, 1);
    asked[0]!({ kind: "failed", reason: "timeout" });
    assert.match(await failureOf(opening), /^timeout, /);
    assert.equal(service.size, 0);
  });

  it("from a revision on asks nobody", async () => {
    const { asked, service } = served();
    assert.equal((await service.watch({ ...everything, after: 7 }, within(1_000))).watch.after, 7);
    assert.equal(asked.length, 0);
  });
});

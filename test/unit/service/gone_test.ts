/** Clients that go away: what waits for them gives its place up, and leaves nothing behind. */

import type { Result } from "../../../src/kv/result.ts";
import type { ReadOptions, RequestOptions } from "../../../src/service/contract.ts";
import { get, put } from "../../harness/kv_commands.ts";
import { failureOf, ServedFakeNode, within, writtenBy } from "../../harness/served_node.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { standstill, until } from "../../harness/wait.ts";

const soon = { timeout: 30_000 };
const written: Result = { kind: "put", revision: 11, create: 11, version: 1 };
const goneAsReader = "timeout, no outcome, final";

/** A client that can go, and knows how many listen for that. */
class Client {
  readonly #controller = new AbortController();
  readonly #listening = new Set<unknown>();

  constructor() {
    const { signal } = this.#controller;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...given: Parameters<typeof addEventListener>) => {
      this.#listening.add(given[1]);
      addEventListener.apply(signal, given);
    };
    signal.removeEventListener = (...given: Parameters<typeof removeEventListener>) => {
      this.#listening.delete(given[1]);
      removeEventListener.apply(signal, given);
    };
  }

  get listeners(): number {
    return this.#listening.size;
  }

  get options(): RequestOptions {
    return { ...within(60_000), signal: this.#controller.signal };
  }

  reading(more: Partial<ReadOptions> = {}): ReadOptions {
    return { ...this.options, level: "eventual", ...more };
  }

  go(): void {
    this.#controller.abort();
  }
}

/** A node at revision 10 that shows what is there. */
function serving(leader: number | "nobody" = 1): ServedFakeNode {
  const served = new ServedFakeNode(leader);
  served.node.answer = ({ revision = served.revision }) =>
    revision > served.revision
      ? { kind: "future", revision: served.revision }
      : { kind: "records", revision, records: [undefined] };
  return served;
}

describe("A client that goes while its read waits", soon, () => {
  it("for a round takes the wish back", async () => {
    const [served, client] = [serving(), new Client()];
    const failure = failureOf(served.kv.read(get("a"), client.reading({ level: "linearizable" })));
    await standstill();
    client.go();
    assert.equal(await failure, goneAsReader);
    assert.deepEqual(served.node.takenBack, served.node.reads);
  });

  const waits: readonly (readonly [string, Partial<ReadOptions>, number | undefined])[] = [
    ["for a revision", { minRevision: 99 }, undefined],
    ["for a view of the future", {}, 99],
  ];
  for (const [name, more, revision] of waits) {
    it(`${name} waits no longer`, async () => {
      const [served, client] = [serving(), new Client()];
      const query = { ...get("a"), ...(revision === undefined ? {} : { revision }) };
      const failure = failureOf(served.kv.read(query, client.reading(more)));
      await standstill();
      assert.equal(served.revisions.size, 1);
      client.go();
      assert.equal(await failure, goneAsReader);
      assert.equal(served.revisions.size, 0);
    });
  }

  it("for a node that replays its log waits no longer", async () => {
    const [served, client] = [serving(), new Client()];
    served.node.answer = () => undefined;
    const failure = failureOf(served.kv.read(get("a"), client.reading()));
    await standstill();
    client.go();
    assert.equal(await failure, goneAsReader);
    assert.equal(served.revisions.size, 0);
  });
});

describe("A client that goes while its write waits", soon, () => {
  it("for a leader has applied nothing, and applies nothing later", async () => {
    const [served, client] = [serving("nobody"), new Client()];
    const failure = failureOf(served.kv.write(put("a", "1"), client.options));
    await standstill();
    client.go();
    assert.equal(await failure, "timeout, not_applied, final");
    served.node.lead(1);
    await standstill();
    assert.deepEqual(served.node.proposals, []);
  });

  it("for its entry does not know what becomes of it, which goes on", async () => {
    const [served, client] = [serving(), new Client()];
    const failure = failureOf(served.kv.write(put("a", "1"), client.options));
    await standstill();
    client.go();
    assert.equal(await failure, "timeout, unknown, final");
    const position = { index: 1, term: 1 };
    served.node.proposals[0]!.settle({ kind: "applied", position, result: written });
  });

  it("for a transfer of leadership does not know either", async () => {
    const [served, client] = [serving(), new Client()];
    const failure = failureOf(served.cluster.transferLeadership(2, client.options));
    await standstill();
    client.go();
    assert.equal(await failure, "timeout, unknown, final");
  });
});

describe("A client that has gone before it was served", soon, () => {
  it("is not served", async () => {
    const [served, client] = [serving(), new Client()];
    client.go();
    const failures = [
      failureOf(served.kv.write(put("a", "1"), client.options)),
      failureOf(served.kv.read(get("a"), client.reading({ minRevision: 99 }))),
    ];
    assert.deepEqual(await Promise.all(failures), ["timeout, not_applied, final", goneAsReader]);
    assert.deepEqual(served.node.proposals, []);
  });
});

describe("A client that stays", soon, () => {
  it("is listened to no more once it is answered, however long that took", async () => {
    const [served, client] = [serving("nobody"), new Client()];
    const later = (run: () => void): void => void Promise.resolve().then(run);
    served.node.onRead = ({ settle }) => later(() => settle({ kind: "readable", index: 7 }));
    const position = { index: 1, term: 1 };
    served.node.onPropose = ({ settle }) =>
      later(() => settle({ kind: "applied", position, result: written }));
    const asked = [
      served.kv.read(get("a"), client.reading({ level: "linearizable", minRevision: 11 })),
      served.kv.read({ ...get("a"), revision: 11 }, client.reading()),
      served.kv.write(put("a", "1"), client.options),
    ];
    await until(() => client.listeners === 3, { what: "everybody to listen" });
    served.revision = 11;
    served.node.applied();
    served.node.lead(1);
    await Promise.all(asked);
    served.node.lead(2);
    served.onForward = () => writtenBy(2, written);
    await served.kv.write(put("a", "1"), client.options);
    assert.equal(client.listeners, 0);
  });
});

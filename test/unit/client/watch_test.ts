/** Watches of the client: no change is missed and none told twice, whatever breaks. */

import { Client } from "../../../src/client/client.ts";
import { AnswerError, UnreachableError } from "../../../src/client/errors.ts";
import type { Watch, WatchChange } from "../../../src/client/watch.ts";
import type { WatchOptions } from "../../../src/client/watch_lines.ts";
import { lossyText } from "../../../src/lib/bytes.ts";
import { HttpProbe, jsonInit } from "../../harness/http_probe.ts";
import { afterEach, assert, beforeEach, describe, it } from "../../harness/test.ts";
import { pause, until } from "../../harness/wait.ts";

let probe: HttpProbe;
let asked: URL[];
let watches: Watch[];

beforeEach(() => {
  probe = new HttpProbe();
  asked = [];
  watches = [];
});

afterEach(async () => {
  for (const watch of watches) watch.close();
  await until(() => probe.watches.size === 0, { what: "the watches to be given up" });
});

/** The answer to the nth request, from 1: the store's, cut or not, or another one. */
type Play = (response: Response, nth: number) => Response | Error;

function watchOf(options: WatchOptions, play: Play = (response) => response): Watch {
  const client = new Client({
    endpoints: ["http://127.0.0.1:1", "http://127.0.0.2:2", "http://127.0.0.3:3"],
    timeoutMs: 60_000,
    async fetch(url, init) {
      asked.push(new URL(url));
      const nth = asked.length;
      const response = await probe.app.fetch(new Request(url, init), {});
      const played = play(response, nth);
      if (played !== response && response.body?.locked === false) await response.body.cancel();
      if (played instanceof Error) throw played;
      return played;
    },
  });
  const watch = client.watch(options);
  watches.push(watch);
  return watch;
}

/** The first so many lines, and a little of the next; then the connection breaks. */
function cutBehind(response: Response, lines: number): Response {
  const reader = response.body!.getReader();
  let left = lines;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      let end = 0;
      while (left > 0) {
        const at = value.indexOf(0x0a, end);
        if (at < 0) return controller.enqueue(value);
        end = at + 1;
        left--;
      }
      controller.enqueue(value.subarray(0, Math.min(value.length, end + 10)));
      await reader.cancel();
      // As Bun says it.
      controller.error(new Error("It was reset. For more information, pass `verbose: true`"));
    },
    cancel: () => reader.cancel(),
  });
  return new Response(body, { status: response.status, headers: response.headers });
}

const ready = '{"event":"ready","id":1,"from":2,"revision":1,"compacted":1}';

async function take(watch: Watch, count: number): Promise<readonly WatchChange[]> {
  const changes: WatchChange[] = [];
  while (changes.length < count) {
    const { done, value } = await watch.next();
    if (done === true) break;
    changes.push(value);
  }
  return changes;
}

/** `revision key=value` of every event. */
function shown(changes: readonly WatchChange[]): readonly string[] {
  return changes.flatMap(({ revision, events }) =>
    events.map((event) =>
      event.kind === "put"
        ? `${revision} ${lossyText(event.record.key)}=${lossyText(event.record.value).slice(0, 9)}`
        : `${revision} ${lossyText(event.key)} deleted`
    )
  );
}

describe("a watch", () => {
  it("tells what happens from its opening on", async () => {
    await probe.put("a", "0");
    const watch = watchOf({ prefix: "a", prev: true });
    assert.equal(await watch.opened(), 2);
    await probe.put("a/1", "1");
    await probe.put("b", "2");
    await probe.json("DELETE /v1/kv/a", 200);
    const changes = await take(watch, 2);
    assert.deepEqual(shown(changes), ["3 a/1=1", "5 a deleted"]);
    const [event] = changes[1]!.events;
    assert.equal(lossyText(event!.prev!.value), "0");
    assert.equal(watch.position, 5);
  });

  it("takes a key, a range, a kind and a beginning", async () => {
    for (const key of ["a", "b", "c"]) await probe.put(key, "1");
    await probe.json("DELETE /v1/kv/b", 200);
    const told = async (options: WatchOptions, count: number): Promise<readonly string[]> =>
      shown(await take(watchOf({ fromRevision: 2, ...options }), count));
    assert.deepEqual(await told({ key: "c" }, 1), ["4 c=1"]);
    assert.deepEqual(await told({ start: "b", end: "c" }, 2), ["3 b=1", "5 b deleted"]);
    assert.deepEqual(await told({ filter: "delete" }, 1), ["5 b deleted"]);
    assert.deepEqual(await told({ fromRevision: 4 }, 2), ["4 c=1", "5 b deleted"]);
  });

  it("goes on at the next endpoint behind what it has told", async () => {
    const reasons: string[] = [];
    const onInterrupted = (reason: string): void => void reasons.push(reason);
    const watch = watchOf(
      { prefix: "k", onInterrupted },
      (response, nth) => nth <= 4 ? cutBehind(response, nth) : response,
    );
    await watch.opened();
    for (let i = 0; i < 20; i++) await probe.put(`k${i}`, String(i));
    const changes = shown(await take(watch, 20));
    assert.deepEqual(changes, changes.map((_, i) => `${i + 2} k${i}=${i}`));
    assert.equal(asked.length, 5);
    assert.deepEqual(asked.map((url) => url.searchParams.get("after")).slice(1, 3), ["1", "2"]);
    assert.notEqual(asked[1]!.host, asked[0]!.host);
    assert.equal(reasons.length, 4);
    assert.equal(reasons[0], "http://127.0.0.1:1: It was reset");
  });

  it("tells each event of a revision in pieces once, though it breaks between them", async () => {
    const large = (letter: string): unknown => ({
      put: { key: letter, value: letter.repeat(700_000) },
    });
    await probe.json("POST /v1/txn", 200, jsonInit({ then: [..."abcd"].map(large) }));
    await probe.put("e", "last");
    const watch = watchOf(
      { fromRevision: 2 },
      (response, nth) => nth <= 3 ? cutBehind(response, 1 + nth) : response,
    );
    const changes: WatchChange[] = [];
    while (changes.at(-1)?.revision !== 3) changes.push(...await take(watch, 1));
    assert.ok(changes.length > 2 && changes[0]!.isPartial, "it came in pieces");
    assert.deepEqual(
      shown(changes).map((line) => line.slice(0, 3)),
      ["2 a", "2 b", "2 c", "2 d", "3 e"],
    );
    assert.deepEqual(asked.map((url) => url.searchParams.get("after")).slice(0, 2), ["1", "1"]);
  });

  it("goes on when a stream has fallen silent", async () => {
    const watch = watchOf({ fromRevision: 2, silenceMsMax: 50 }, (response, nth) => {
      if (nth > 1) return response;
      return new Response(new ReadableStream(), { status: 200 });
    });
    await probe.put("a", "1");
    assert.deepEqual(shown(await take(watch, 1)), ["2 a=1"]);
    assert.equal(asked.length, 2);
  });

  it("waits for a sign of life without an end, when told so", async () => {
    const reasons: string[] = [];
    const watch = watchOf({ silenceMsMax: Infinity, onInterrupted: (why) => reasons.push(why) });
    await watch.opened();
    const change = watch.next();
    // A timer without an end that is over at once would be over before this one.
    await pause(5);
    await probe.put("a", "1");
    assert.equal((await change).value?.revision, 2);
    assert.deepEqual(reasons, []);
  });

  it("goes on when its node shuts down, and waits for one that answers", async () => {
    const watch = watchOf({ fromRevision: 2 }, (response, nth) => {
      if (nth === 1) {
        return new Response([ready, '{"event":"closing"}', ""].join("\n"), { status: 200 });
      }
      return nth <= 7 ? Object.assign(new Error("x"), { code: "ECONNREFUSED" }) : response;
    });
    await probe.put("a", "1");
    assert.deepEqual(shown(await take(watch, 1)), ["2 a=1"]);
    assert.equal(asked.length, 8);
  });

  it("goes on from where it was told to have come, with nothing of its own there", async () => {
    for (let i = 0; i < 5; i++) await probe.put("a", String(i));
    probe.kv.store.compact(6);
    await probe.put("b", "1");
    const lines = [ready, '{"event":"progress","id":6,"revision":6}', '{"event":"closing"}', ""];
    const watch = watchOf(
      { key: "b", fromRevision: 2 },
      (response, nth) => nth === 1 ? new Response(lines.join("\n")) : response,
    );
    assert.deepEqual(shown(await take(watch, 1)), ["7 b=1"]);
    assert.equal(asked[1]?.searchParams.get("after"), "6");
  });

  it("tells nothing again that a node tells twice", async () => {
    const change = (revision: number): string => {
      const put = { type: "put", key: "a", value: "1", create: 2, mod: revision, version: 1 };
      const time = "2023-11-14T22:13:20.000Z";
      return JSON.stringify({ event: "change", id: revision, revision, time, events: [put] });
    };
    const lines = [ready, ...[2, 2, 3, 2, 3, 4].map(change), ""];
    const watch = watchOf({ fromRevision: 2 }, () => new Response(lines.join("\n")));
    assert.deepEqual(shown(await take(watch, 3)), ["2 a=1", "3 a=1", "4 a=1"]);
  });

  it("ends with an error where it would miss something", async () => {
    for (let i = 0; i < 5; i++) await probe.put("a", String(i));
    probe.kv.store.compact(5);
    const early = watchOf({ fromRevision: 2 });
    const refused = await early.next().then(() => undefined, (error: unknown) => error);
    assert.ok(refused instanceof AnswerError);
    assert.deepEqual([refused.code, refused.problem["oldest"]], ["revision_compacted", 5]);
    assert.deepEqual(await early.next(), { done: true, value: undefined });

    const cut = watchOf(
      {},
      () => new Response('{"event":"ready","id":1}\n{"event":"compacted","oldest":7}\n'),
    );
    const ended = await cut.next().then(() => undefined, (error: unknown) => error);
    assert.ok(ended instanceof AnswerError);
    assert.deepEqual([ended.code, ended.problem["oldest"]], ["revision_compacted", 7]);
  });

  it("is refused as any other request where nobody is there at first", async () => {
    const watch = watchOf({}, () => Object.assign(new Error("x"), { code: "ECONNREFUSED" }));
    const error = await watch.next().then(() => undefined, (caught: unknown) => caught);
    assert.ok(error instanceof UnreachableError);
    assert.deepEqual([error.code, asked.length], ["unreachable", 3]);
  });

  it("is refused where its streams end before they begin, as of strange servers", async () => {
    const watch = watchOf({}, () => new Response(""));
    const error = await watch.opened().then(() => undefined, (caught: unknown) => caught);
    assert.ok(error instanceof UnreachableError);
    assert.match(error.message, /before the watch began$/);
    assert.equal(asked.length, 3);
    assert.equal((await watch.next()).done, true);
  });

  it("ends when it is closed, while somebody waits for a change", async () => {
    const watch = watchOf({});
    await watch.opened();
    const waiting = watch.next();
    watch.close();
    assert.deepEqual(await waiting, { done: true, value: undefined });
    const left = watchOf({ fromRevision: 2 });
    await probe.put("a", "1");
    for await (const change of left) {
      assert.equal(change.revision, 2);
      break;
    }
    assert.equal((await left.next()).done, true);
  });
});

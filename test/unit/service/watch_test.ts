/** Watches over the real store: whoever reads how slowly, each sees the same, once, in order. */

import type { RevisionChanges } from "../../../src/kv/query.ts";
import { compareBytes, hex } from "../../../src/lib/bytes.ts";
import { Watch, type WatchStart } from "../../../src/service/watch.ts";
import type { Watcher } from "../../../src/service/watch_hub.ts";
import { bytes, del, delRange, put } from "../../harness/kv_commands.ts";
import { RandomKv } from "../../harness/random_kv.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { standstill } from "../../harness/wait.ts";
import { key, shown, taken, Watched } from "../../harness/watched.ts";

describe("A watch", () => {
  it("tells the past first, then what happens, and how far it has come", async () => {
    const watched = new Watched();
    watched.apply(put("a", "1"), put("b", "1"));
    const watch = watched.watch();
    assert.deepEqual(await taken(watch), ["2: a=1", "3: b=1", "at 3"]);
    watched.apply(put("a", "2"), del("b"));
    assert.deepEqual(await taken(watch), ["4: a=2", "5: -b", "at 5"]);
  });

  it("of a key or a range tells nothing of others, and comes along with them", async () => {
    const watched = new Watched();
    const [a, range] = [
      watched.watch({ target: key("a") }),
      watched.watch({ target: { kind: "range", start: bytes("b"), end: bytes("d") } }),
    ];
    await Promise.all([taken(a), taken(range)]);
    watched.apply(put("a", "1"), put("aa", "1"), put("c", "1"), put("d", "1"));
    assert.deepEqual(await taken(a), ["2: a=1", "at 5"]);
    assert.deepEqual(await taken(range), ["4: c=1", "at 5"]);
  });

  it("tells what was before where that is asked, and to nobody else", async () => {
    const watched = new Watched();
    const [plain, full] = [watched.watch(), watched.watch({ prev: true })];
    await Promise.all([taken(plain), taken(full)]);
    watched.apply(put("a", "1"), put("a", "2"), del("a"), put("a", "3"));
    assert.deepEqual(await taken(plain), ["2: a=1", "3: a=2", "4: -a", "5: a=3", "at 5"]);
    assert.deepEqual(await taken(full), [
      ...["2: a=1", "3: a=2 was 1", "4: -a was 2", "5: a=3", "at 5"],
    ]);
    const late = watched.watch({ prev: true });
    assert.deepEqual((await taken(late)).slice(0, 2), ["2: a=1", "3: a=2 was 1"]);
  });

  it("can be read without waiting, and says when to ask again", () => {
    const watched = new Watched();
    const watch = watched.watch({ target: key("a"), after: 3 });
    const woken: string[] = [];
    assert.equal(watch.nextNow(), "notThere");
    watch.onceMore(() => woken.push("not there yet"));
    watched.apply(put("a", "1"), put("a", "2"));
    assert.deepEqual(woken, ["not there yet"]);
    assert.equal(watch.nextNow(), "level");
    const forget = watch.onceMore(() => woken.push("forgotten"));
    forget();
    watch.onceMore(() => woken.push("level"));
    watched.apply(put("b", "1"));
    assert.deepEqual(woken, ["not there yet"], "what it does not want wakes nobody");
    assert.deepEqual(watch.progress(), { kind: "progress", revision: 4 });
    watched.apply(put("a", "3"));
    assert.deepEqual(woken, ["not there yet", "level"]);
    const frame = watch.nextNow();
    assert.ok(typeof frame === "object" && frame.kind === "changes");
    assert.equal(shown(frame.changes), "5: a=3");
    assert.equal(watch.nextNow(), "level");
  });

  it("keeps a revision of many changes together", async () => {
    const watched = new Watched();
    const watch = watched.watch();
    await taken(watch);
    watched.apply(put("a", "1"), put("b", "1"), put("c", "1"), delRange("a", "c"));
    assert.deepEqual((await taken(watch)).slice(3), ["5: -a -b", "at 5"]);
  });

  it("waits for a revision that is not there yet", async () => {
    const watched = new Watched();
    const watch = watched.watch({ after: 3 });
    const next = watch.next({ ms: 60_000 });
    watched.apply(put("a", "1"), put("a", "2"));
    watched.apply(put("a", "3"));
    const frame = await next;
    assert.equal(frame.kind === "changes" && shown(frame.changes), "4: a=3");
  });

  it("looks at nothing before the store has come to where it begins", async () => {
    const watched = new Watched();
    const { readNow } = watched.node;
    let looks = 0;
    watched.node.readNow = (query) => {
      looks++;
      return readNow(query);
    };
    const watch = watched.watch({ after: 5 });
    const next = watch.next({ ms: 60_000 });
    for (const value of ["1", "2", "3"]) {
      watched.apply(put("a", value));
      await standstill();
    }
    assert.equal(looks, 1, "when it began");
    watched.apply(put("a", "4"), put("a", "5"));
    const frame = await next;
    assert.equal(frame.kind === "changes" && shown(frame.changes), "6: a=5");
  });

  it("ends where its past is given up; a watch may begin right behind that", async () => {
    const watched = new Watched();
    watched.apply(put("a", "1"), put("a", "2"), put("a", "3"));
    const behind = watched.watch({ after: 1 });
    watched.apply({ kind: "compact", revision: 3 });
    assert.deepEqual(await taken(behind), ["compacted, oldest 3"]);
    assert.deepEqual(await taken(watched.watch({ after: 3 })), ["4: a=3", "at 4"]);
  });

  it("goes on where what it is told at once is given up together with that", async () => {
    const watched = new Watched();
    const [live, slow] = [watched.watch({ prev: true }), watched.watch()];
    for (const watch of [live, slow]) assert.deepEqual(await taken(watch), ["at 1"]);
    watched.apply(put("a", "1"), del("a"), { kind: "compact", revision: 3 });
    assert.deepEqual(await taken(live), ["2: a=1", "3: -a was 1", "at 3"]);
    watched.apply(put("a", "2"), del("a"), { kind: "compact", revision: 5 });
    assert.deepEqual(await taken(live), ["4: a=2", "5: -a was 2", "at 5"]);
    assert.deepEqual(await taken(slow), ["2: a=1", "3: -a", "4: a=2", "5: -a", "at 5"]);
  });

  it("that is live misses nothing of more than is handed out at once", async () => {
    const watched = new Watched();
    const [all, one] = [watched.watch(), watched.watch({ target: key("k1400") })];
    const other = watched.watch({ target: key("z") });
    for (const watch of [all, one, other]) await taken(watch);
    const keys = Array.from({ length: 1_500 }, (_, at) => `k${at}`);
    watched.apply(...keys.map((name) => put(name, "")));
    assert.deepEqual(await taken(one), ["1402: k1400=", "at 1501"]);
    const puts = keys.map((name, at) => `${at + 2}: ${name}=`);
    assert.deepEqual(await taken(all), [...puts, "at 1501"]);
    assert.deepEqual(await taken(other), ["at 1501"]);
    watched.apply({ kind: "compact", revision: 1_501 });
    // So many in one revision: each has to read it by itself, from where it has come to.
    watched.apply(delRange("k", "l"));
    assert.deepEqual(await taken(other), ["at 1502"]);
    assert.deepEqual(await taken(one), ["1502: -k1400", "at 1502"]);
    const parts = (await taken(all)).slice(0, -1);
    assert.deepEqual(parts.map((part) => part.split(" ")[0]), ["1502…:", "1502:"]);
    const gone = parts.flatMap((part) => part.split(" ").slice(1));
    assert.deepEqual(gone, keys.map((name) => `-${name}`).sort());
  });

  it("of one kind of change is told the end of each revision whose beginning it was", async () => {
    const watched = new Watched();
    watched.apply(...Array.from({ length: 1_000 }, (_, at) => put(`k${at}`, "")));
    const only = "delete";
    const watch = watched.watch({ after: 1_001, only });
    assert.deepEqual(await taken(watch), ["at 1001"]);
    const [start, end] = [bytes("k"), bytes("l")];
    const then = [
      { kind: "delete", target: { kind: "range", start, end }, prev: false },
      { kind: "put", put: { key: bytes("z"), value: bytes(""), prev: false } },
    ] as const;
    watched.apply({ kind: "txn", compares: [], then, otherwise: [] }, put("z", ""), del("z"));
    const seen = (await taken(watch)).map((part) => part.slice(0, 8));
    assert.deepEqual(seen, ["1002…: -", "1002: ", "1004: -z", "at 1004"]);
  });

  it("that is live is told where what it would be told has been removed", async () => {
    const watched = new Watched();
    const watch = watched.watch();
    assert.deepEqual(await taken(watch), ["at 1"]);
    watched.store.isQuiet = true;
    watched.apply(put("a", "1"), put("a", "2"), { kind: "compact", revision: 3 });
    assert.deepEqual(await taken(watch), ["2: a=1", "3: a=2", "at 3"]);
    watched.store.isQuiet = true;
    for (const each of [put("a", "3"), put("a", "4")]) watched.store.apply(each);
    watched.store.apply({ kind: "compact", revision: 5 });
    while (watched.store.machine.purge());
    watched.store.tell();
    assert.deepEqual(await taken(watch), ["compacted, oldest 5"]);
  });

  it("takes nobody's time with what does not concern it", async () => {
    const watched = new Watched();
    let asked = 0;
    const watcher: Watcher = {
      ...{ target: key("a"), prev: false },
      take: () => asked++,
      fallBehind: () => {},
    };
    const counted = new Proxy(watcher, {
      get: (from, name: keyof Watcher) => (asked++, from[name]),
    });
    watched.hub.add(counted, 1);
    const watch = watched.watch({ target: key("a") });
    assert.deepEqual(await taken(watch), ["at 1"]);
    asked = 0;
    watched.apply(put("b", "1"), put("b", "2"));
    assert.equal(asked, 0, "with 20,000 watches, a look at each would take milliseconds");
    assert.deepEqual(await taken(watch), ["at 3"]);
    watched.apply(put("a", "1"));
    assert.ok(asked > 0);
    assert.deepEqual(await taken(watch), ["4: a=1", "at 4"]);
  });

  it("ends when the node shuts down", async () => {
    const watched = new Watched();
    const watch = watched.watch();
    await taken(watch);
    const next = watch.next({ ms: 60_000 });
    watched.revisions.close();
    watch.close();
    assert.deepEqual(await next, { kind: "closing" });
  });
});

describe("Many watches of random changes", () => {
  for (let seed = 1; seed <= 5; seed++) {
    it(`agree with the log, however slowly each is read: seed ${seed}`, async () => {
      const random = new RandomKv(seed);
      const watched = new Watched(random.pick([1_000, 100_000, 10_000_000]));
      const all: {
        readonly request: WatchStart;
        readonly watch: Watch;
        readonly seen: string[];
      }[] = [];
      for (let round = 0; round < 300; round++) {
        const near = { revision: watched.store.revision, leases: [], contestants: [] };
        const page = Array.from(
          { length: random.pick([1, 1, 3, 30]) },
          () => random.operation(near),
        );
        watched.apply(...page.filter(({ kind }) => kind !== "compact"));
        if (all.length < 40) all.push(began(watched, random));
        for (const each of all) if (random.chance(1, 4)) await readSome(each, random);
      }
      for (const { request, watch, seen } of all) {
        await readAll(watched, { watch, seen });
        assert.deepEqual(seen, expectedOf(watched, request));
      }
    });
  }
});

function began(watched: Watched, random: RandomKv) {
  const [start, end] = [random.key(), random.key()].sort(compareBytes);
  const target = random.chance(1, 2)
    ? { kind: "key", key: random.key() } as const
    : { kind: "range", start: start!, ...(random.chance(1, 3) ? {} : { end: end! }) } as const;
  const after = 1 + Math.floor(watched.store.revision * random.pick([0, 0.5, 0.9]));
  const request = {
    target,
    after: Math.min(after, watched.store.revision),
    prev: random.chance(1, 3),
  };
  return { request, watch: watched.watch(request), seen: [] as string[] };
}

async function readSome(
  { watch, seen }: { readonly watch: Watch; readonly seen: string[] },
  random: RandomKv,
): Promise<void> {
  for (let frames = random.pick([1, 2, 50]); frames > 0; frames--) {
    const frame = await watch.next({ ms: 0 });
    if (frame.kind !== "changes") return;
    seen.push(described(frame.changes));
  }
}

async function readAll(
  { store }: Watched,
  { watch, seen }: { readonly watch: Watch; readonly seen: string[] },
): Promise<void> {
  for (;;) {
    const frame = await watch.next({ ms: 0 });
    if (frame.kind === "changes") seen.push(described(frame.changes));
    else if (frame.kind !== "progress" || frame.revision === store.revision) return;
  }
}

/** One look at the whole log. */
function expectedOf({ store }: Watched, { target, after, prev }: WatchStart): readonly string[] {
  const range = target.kind === "range"
    ? target
    : { start: target.key, end: Uint8Array.of(...target.key, 0) };
  const all = { changesMax: Infinity, bytesMax: Infinity };
  const answer = store.read({ kind: "changes", range, from: { after }, prev, ...all });
  assert.equal(answer.kind, "changes");
  return answer.kind === "changes" ? answer.revisions.map(described) : [];
}

function described({ revision, events }: RevisionChanges): string {
  return `${revision} ${
    events.map((event) =>
      event.kind === "put"
        ? `${hex(event.record.key)} ${event.record.version} ${event.prev?.mod}`
        : `-${hex(event.key)} ${event.prev?.mod}`
    ).join(" ")
  }`;
}

/** Waiting for locks over the real store: who is woken, and how a wait ends. */

import { ServiceError } from "../../../src/service/errors.ts";
import { contend, Contested, longMs, options } from "../../harness/contested.ts";
import { bytes, put } from "../../harness/kv_commands.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { standstill, until } from "../../harness/wait.ts";

describe("A wait for a lock", () => {
  it("is none where it is free", async () => {
    const contested = new Contested();
    const { result, place } = await contested.contests.contend(contend("l"), options);
    assert.equal(result.kind === "contest" && result.before, 0);
    assert.equal(place, undefined);
    contested.assertNobodyIsLeft();
  });

  it("ends when those before have gone, in the order in which they came", async () => {
    const contested = new Contested();
    const token = contested.hold("l");
    const [second, third] = [await contested.queue("l"), await contested.queue("l")];
    const [two, three] = [second.end(), third.end()];
    contested.release("l", token);
    assert.equal(await two, "holds 3");
    assert.ok(!third.isWoken);
    contested.release("l", 3);
    assert.equal(await three, "holds 4");
    contested.assertNobodyIsLeft();
  });

  it("is woken by its own name alone, and looks at nothing else", async () => {
    const contested = new Contested();
    const tokens = ["a", "b"].map((name) => contested.hold(name));
    const [a, b] = [await contested.queue("a"), await contested.queue("b")];
    const [endA, endB] = [a.end(), b.end()];
    await until(() => contested.kv.reads === 2, { what: "both to have looked" });
    contested.kv.store.apply(put("k", "1"));
    contested.kv.store.apply({ kind: "grantLease", ttlMs: 1_000 });
    await standstill();
    assert.equal(contested.kv.reads, 2, "nobody has looked");
    contested.release("a", tokens[0]!);
    assert.match(await endA, /^holds/);
    assert.equal(contested.kv.reads, 3, "b has not looked");
    contested.release("b", tokens[1]!);
    assert.match(await endB, /^holds/);
  });

  it("ends with the time, and gives its place up", async () => {
    const contested = new Contested();
    contested.hold("l");
    const end = (await contested.queue("l")).end(5_000);
    await until(() => contested.clock.timers === 1, { what: "it to wait" });
    await contested.pass(5_000);
    assert.equal(await end, "left, 2 holds");
    assert.equal(contested.count("l"), 1);
    contested.assertNobodyIsLeft();
  });

  it("is won where it becomes the first before the end of the wait is decided", async () => {
    const contested = new Contested();
    const token = contested.hold("l");
    const waiter = await contested.queue("l");
    contested.kv.before = (asked) => {
      if (asked === "write" && contested.written.at(-1) === "leave") contested.release("l", token);
      contested.kv.before = () => {};
    };
    assert.equal(await waiter.end(0), "holds 3");
    assert.equal(contested.count("l"), 1);
    assert.deepEqual(contested.written, ["contend", "leave", "keepLeases"]);
  });

  it("keeps its own lease alive, and has all of it when it ends", async () => {
    const contested = new Contested();
    const token = contested.hold("l", { ttlMs: 3_600_000 });
    const end = (await contested.queue("l", { ttlMs: 30_000 })).end();
    for (let round = 1; round <= 3; round++) {
      await until(() => contested.clock.timers === 1, { what: "it to wait" });
      await contested.pass(10_000);
      await until(
        () => contested.written.filter((kind) => kind === "keepLeases").length === round,
        {
          what: `keepalive ${round}`,
          withinMs: 15_000,
        },
      );
    }
    await until(() => contested.clock.timers === 1, { what: "it to wait" });
    contested.release("l", token);
    assert.equal(await end, "holds 3");
    assert.deepEqual(contested.written.slice(1), Array(4).fill("keepLeases"));
  });

  it("keeps its own lease alive on a node that is behind and can say nothing", async () => {
    const contested = new Contested();
    contested.hold("l");
    const waiter = await contested.queue("l", { ttlMs: 1_000 });
    const writtenMs: number[] = [];
    contested.kv.before = (asked) => {
      if (asked === "write") return void writtenMs.push(contested.clock.nowMs);
      contested.clock.advance(contested.kv.lastRead!.options.timeoutMs);
      throw new ServiceError("timeout", "min_revision is 3, this node has come to 2");
    };
    assert.equal(await waiter.end(1_000), "left, 2 holds");
    assert.deepEqual(writtenMs, [333, 666, 999, 1_000], "three keepalives before it leaves");
  });

  it("keeps its own lease alive by when it asked, however long the answer took", async () => {
    const contested = new Contested();
    contested.hold("l");
    contested.kv.before = () => contested.clock.advance(900);
    const waiter = await contested.queue("l", { ttlMs: 1_000 });
    contested.kv.before = () => {};
    const end = waiter.end();
    await until(() => contested.written.at(-1) === "keepLeases", { what: "a keepalive at once" });
    await until(() => contested.clock.timers === 1, { what: "it to wait" });
    await contested.pass(longMs);
    assert.match(await end, /holds$/);
  });

  it("is lost with its lease", async () => {
    const contested = new Contested();
    contested.hold("l");
    contested.grant("7");
    const own = (await contested.queue("l")).end();
    const others = (await contested.queue("l", { lease: "7" })).end();
    const lease = contested.kv.store.machine.leasesDue(1e9, 9).find(({ id }) => id === "2")!;
    for (const id of [lease.id, "7"]) contested.kv.store.apply({ kind: "revokeLease", id });
    assert.equal(await own, "lease_not_found, not_applied");
    assert.equal(await others, "lease_not_found, not_applied");
    contested.assertNobodyIsLeft();
  });

  it("is lost where its lease ends between the wait and the answer", async () => {
    for (const life of [{ ttlMs: 30_000 }, { lease: "7" }]) {
      const contested = new Contested();
      contested.grant("7");
      const token = contested.hold("l");
      const waiter = await contested.queue("l", life);
      const result = waiter.first.result;
      assert.ok(result.kind === "contest");
      const id = result.own!.lease;
      const wait = waiter.first.place!.wait({ ms: longMs });
      contested.release("l", token);
      await wait;
      contested.kv.store.apply({ kind: "revokeLease", id });
      assert.equal(await waiter.settle(), "lease_not_found, not_applied");
      contested.assertNobodyIsLeft();
    }
  });

  it("is refused where too much waits on this node", async () => {
    const contested = new Contested();
    contested.hold("l");
    const ends = [];
    for (let at = 0; at < 10; at++) ends.push((await contested.queue("l")).end());
    await assert.rejects(contested.queue("l"), { code: "too_many_watches" });
    assert.equal(contested.count("l"), 11, "nothing was asked of the store");
    await assert.rejects(contested.contests.follow(bytes("e"), options), {
      code: "too_many_watches",
    });
    contested.contests.close();
    await Promise.all(ends);
    contested.assertNobodyIsLeft();
  });
});

describe("A client that goes away", () => {
  const gone = (): AbortController => new AbortController();

  it("while it waits leaves the line", async () => {
    const contested = new Contested();
    contested.hold("l");
    const client = gone();
    const end = (await contested.queue("l", {}, { signal: client.signal })).end();
    client.abort();
    await end;
    assert.equal(contested.count("l"), 1);
    contested.assertNobodyIsLeft();
  });

  it("when it has just become the first releases what it holds", async () => {
    const contested = new Contested();
    const token = contested.hold("l");
    const client = gone();
    const waiter = await contested.queue("l", {}, { signal: client.signal });
    client.abort();
    contested.release("l", token);
    assert.equal(contested.count("l"), 1);
    await waiter.first.place!.close();
    assert.equal(contested.count("l"), 0);
    contested.assertNobodyIsLeft();
  });

  it("while it is decided that it holds releases that, whether it waited or not", async () => {
    for (const queue of [true, false]) {
      const contested = new Contested();
      const client = gone();
      contested.kv.after = () => {
        client.abort();
        contested.kv.after = () => {};
      };
      const asked = { ...options, signal: client.signal };
      await assert.rejects(contested.contests.contend(contend("l", { queue }), asked));
      assert.equal(contested.count("l"), 0);
      contested.assertNobodyIsLeft();
    }
  });

  it("keeps what it may be told by a repetition of its request", async () => {
    const contested = new Contested();
    const token = contested.hold("l");
    const idempotency = { identity: "", key: "1", requestHash: Uint8Array.of(1) };
    const first = await contested.queue("l", {}, { idempotency });
    const again = await contested.queue("l", {}, { idempotency });
    assert.equal(again.first.result.kind === "contest" && again.first.result.own?.token, 3);
    contested.release("l", token);
    assert.equal(await again.end(), "holds 3");
    await first.first.place!.close();
    assert.equal(contested.count("l"), 1, "the repetition was told that it holds");
    contested.assertNobodyIsLeft();
  });

  it("is asked for by a repetition, too, of who held at once", async () => {
    const idempotency = { identity: "", key: "1", requestHash: Uint8Array.of(1) };
    for (const queue of [false, true]) {
      const contested = new Contested();
      const ask = () => contested.queue("l", { queue }, { idempotency });
      assert.equal((await ask()).first.place, undefined);
      assert.equal(await (await ask()).end(0), "holds 2");
      assert.equal(contested.written.at(-1), "keepLeases", "it has its whole time");
      contested.kv.store.apply({ kind: "revokeLease", id: "1" });
      const other = contested.hold("l");
      assert.equal(await (await ask()).end(0), `lost, ${other} holds`);
      assert.equal(contested.count("l"), 1);
      contested.release("l", other);
      contested.assertNobodyIsLeft();
    }
  });

  it("takes nothing from another request of the same lease", async () => {
    const contested = new Contested();
    const token = contested.hold("l");
    contested.grant("7");
    const first = await contested.queue("l", { lease: "7" });
    const second = await contested.queue("l", { lease: "7" });
    await first.first.place!.close();
    assert.equal(contested.count("l"), 2, "the second one still waits");
    contested.release("l", token);
    assert.equal(await second.end(), "holds 3");
    contested.assertNobodyIsLeft();
  });

  it("is given up again where that fails at first", async () => {
    const contested = new Contested();
    contested.hold("l");
    const waiter = await contested.queue("l");
    contested.kv.before = () => {
      contested.kv.before = () => {};
      throw new ServiceError("timeout", "The time was up", { outcome: "unknown" });
    };
    const closed = waiter.first.place!.close();
    await until(() => contested.clock.timers === 1, { what: "it to pause" });
    assert.equal(contested.count("l"), 2);
    contested.clock.advance(1_000);
    await closed;
    assert.equal(contested.count("l"), 1);
    contested.assertNobodyIsLeft();
  });
});

describe("A node that shuts down", () => {
  it("gives up the places of those who wait on it, and takes no more", async () => {
    const contested = new Contested();
    contested.hold("l");
    const end = (await contested.queue("l")).end();
    contested.contests.close();
    assert.equal(await end, "draining, not_applied");
    assert.equal(contested.count("l"), 1);
    await assert.rejects(contested.queue("l"), { code: "draining" });
    contested.assertNobodyIsLeft();
  });

  it("says that to come again is of no use where the place cannot be taken again", async () => {
    const idempotency = { identity: "", key: "1", requestHash: Uint8Array.of(1) };
    for (const [asked, retryable] of [[{}, true], [{ idempotency }, false]] as const) {
      const contested = new Contested();
      contested.hold("l");
      const { place } = (await contested.queue("l", {}, asked)).first;
      contested.contests.close();
      await assert.rejects(place!.settle(options), {
        ...{ code: "draining", outcome: "not_applied", retryable },
      });
      await place!.close();
      assert.equal(contested.count("l"), 1);
    }
  });

  it("tells who has become the first that it is", async () => {
    const contested = new Contested();
    const token = contested.hold("l");
    const waiter = await contested.queue("l");
    contested.kv.store.isQuiet = true;
    contested.release("l", token);
    contested.contests.close();
    assert.equal(await waiter.end(), "holds 3");
  });
});

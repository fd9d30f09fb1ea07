/** Backups of running clusters, restored into others: over real sockets, through any node. */

import { createHash } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../harness/cli.ts";
import {
  makeServerCluster,
  type ServedNode,
  type ServerCluster,
} from "../harness/server_cluster.ts";
import { FrameReader } from "../harness/frame_reader.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

let source: ServerCluster;
let target: ServerCluster;

before(async () => {
  [source, target] = [await makeServerCluster(), await makeServerCluster()];
  for (const cluster of [source, target]) {
    await Promise.all(cluster.nodes.map((node) => node.start()));
    await cluster.ready();
  }
});

after(async () => {
  await source.remove();
  await target.remove();
});

async function follower(cluster: ServerCluster): Promise<ServedNode> {
  const [other] = cluster.others(await cluster.leader());
  assert.ok(other !== undefined);
  return other;
}

async function download(node: ServedNode): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await fetch(`${node.url}/v1/snapshot`);
  assert.equal(answer.status, 200);
  const bytes = await answer.bytes();
  assert.equal(answer.headers.get("Content-Length"), String(bytes.length));
  const digest = createHash("sha256").update(bytes).digest("base64");
  assert.equal(answer.headers.get("Repr-Digest"), `sha-256=:${digest}:`);
  return bytes;
}

interface Restored {
  readonly status: number;
  readonly revision: number;
  readonly detail: string;
  readonly backup: { readonly revision: number; readonly keys: number };
}

async function upload(node: ServedNode, bytes: Uint8Array<ArrayBuffer>, query = "") {
  const answer = await fetch(`${node.url}/v1/snapshot${query}`, { method: "PUT", body: bytes });
  const json: Omit<Restored, "status"> = await answer.json();
  return { ...json, status: answer.status };
}

/** All records as the node shows them. */
async function listed(node: ServedNode, query = ""): Promise<string> {
  const answer = await node.fetch(`/v1/kv?format=ndjson${query}`);
  assert.equal(answer.status, 200);
  const lines = (await answer.text()).trimEnd().split("\n");
  assert.match(lines.at(-1) ?? "", /"end":true/);
  return lines.slice(0, -1).join("\n");
}

async function send(node: ServedNode, path: string, method: string, body = ""): Promise<Response> {
  const headers = { "Content-Type": /^[{[]/.test(body) ? "application/json" : "text/plain" };
  const answer = await node.fetch(path, { method, body, headers });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer;
}

/** Two keys that are always written together, until it is stopped. */
function writePairs(node: ServedNode) {
  let isOver = false;
  const writing = (async () => {
    for (let count = 0; !isOver; count++) {
      const then = ["pair/a", "pair/b"].map((key) => ({ put: { key, value: String(count) } }));
      await send(node, "/v1/txn", "POST", JSON.stringify({ then }));
    }
  })();
  return async () => {
    isOver = true;
    await writing;
  };
}

describe("A backup", () => {
  it("is made of a cluster under load, and restored into another through any node", async () => {
    const asked = await follower(source);
    for (let key = 0; key < 50; key++) await send(asked, `/v1/kv/k/${key}`, "PUT", "first");
    await send(asked, "/v1/kv/k/7", "DELETE");
    await send(asked, "/v1/kv/k/8?ttl=1h", "PUT", "leased");
    await send(asked, "/v1/locks/deploy?wait=1s", "POST", '{"ttl": "1h", "owner": "me"}');
    const stop = writePairs(await source.leader());
    const seen = await until(async () => {
      const answer = await asked.fetch("/v1/kv/pair/a");
      return answer.status === 200 && Number(await answer.text()) >= 5;
    }, { what: "some writes" });
    assert.ok(seen);
    const backup = await download(asked);
    await stop();
    const through = await follower(target);
    const { status, revision, backup: { revision: at } } = await upload(through, backup);
    assert.equal(status, 200);
    assert.equal(revision, at + 1);
    for (const node of target.nodes) {
      assert.equal(await listed(node, `&revision=${at}`), await listed(asked, `&revision=${at}`));
      assert.equal(
        await listed(node, "&prefix=k/&revision=20"),
        await listed(asked, "&prefix=k/&revision=20"),
      );
      const pair = await Promise.all(
        ["a", "b"].map(async (name) => await (await node.fetch(`/v1/kv/pair/${name}`)).text()),
      );
      assert.equal(pair[0], pair[1], "what is written together is in it together");
      const lock = await (await node.fetch("/v1/locks/deploy")).json();
      assert.equal(lock.owner, "me");
    }
    const history = await (await through.fetch("/v1/history/k/7")).json();
    assert.equal(history.items.length, 2, "the deletion and what was before it");
  });

  it("takes the place of what a cluster holds, and open watches end", async () => {
    const node = await follower(target);
    await send(node, "/v1/kv/gone", "PUT", "soon");
    const before = Number((await node.fetch("/v1/kv/gone")).headers.get("KV-Revision"));
    const watches = await Promise.all(
      target.nodes.map(async ({ url }) => new FrameReader(await fetch(`${url}/v1/watch?prefix=`))),
    );
    for (const watch of watches) assert.equal((await watch.next())?.event, "ready");
    const backup = await download(source.nodes[0]!);
    const refused = await upload(node, backup);
    assert.equal(refused.status, 409, refused.detail);
    const { revision, backup: { revision: at } } = await upload(node, backup, "?replace=true");
    assert.equal(revision, Math.max(before, at) + 1);
    for (const watch of watches) {
      let last = await watch.next();
      while (last?.event === "progress") last = await watch.next();
      assert.equal(last?.event, "compacted");
      await watch.close();
    }
    for (const each of target.nodes) {
      assert.equal((await each.fetch("/v1/kv/gone")).status, 404);
      assert.equal((await each.fetch(`/v1/kv/gone?revision=${before}`)).status, 410);
      assert.equal(await values(each), await values(source.nodes[0]!));
    }
  });

  it("that is damaged is refused with the place, and changes nothing", async () => {
    const node = await follower(target);
    const backup = await download(source.nodes[0]!);
    const held = await listed(node);
    for (const at of [3, 40, Math.floor(backup.length / 2), backup.length - 5]) {
      const bad = backup.slice();
      bad[at]! ^= 16;
      const { status, detail } = await upload(node, bad, "?replace=true");
      assert.equal(status, 400);
      assert.match(detail, /^The backup is (damaged at byte \d+: |no backup: )/);
    }
    const { status, detail } = await upload(node, backup.slice(0, -1), "?replace=true&verify=true");
    assert.equal(status, 400);
    assert.match(detail, /^The backup is cut off after \d+ bytes$/);
    assert.equal(await listed(node), held);
    assert.equal((await upload(node, backup, "?verify=true")).status, 200);
    assert.equal(await listed(node), held);
  });

  it("is saved and restored by the command line, and verified on the way", async () => {
    using directory = makeTempDir("backup");
    const file = join(directory.path, "saved.skein");
    const cli = (...words: readonly string[]) => runCli(["snapshot", ...words]);
    const [from, to] = [source, target].map((
      { nodes },
    ) => ["--endpoints", nodes.map(({ url }) => url).join(",")]);
    assert.ok(from !== undefined && to !== undefined);
    const saved = await cli("save", file, "-o", "json", ...from);
    assert.equal(saved.code, 0, saved.errors.join());
    const { sha256, bytes, revision } = JSON.parse(saved.out);
    const inspected = JSON.parse((await cli("inspect", file, "-o", "json")).out);
    assert.deepEqual([inspected.sha256, inspected.bytes, inspected.revision], [
      sha256,
      bytes,
      revision,
    ]);
    assert.deepEqual(readdirSync(directory.path), ["saved.skein"]);
    const verified = await cli("restore", file, "--verify", ...to);
    assert.deepEqual([verified.code, verified.out], [
      0,
      `${file} is whole, and nothing was changed\n`,
    ]);
    const refused = await cli("restore", file, ...to);
    assert.equal(refused.code, 1);
    assert.match(refused.errors.join(), /only replace=true gives up \[conflict, not_applied\]$/);
    const restored = await cli("restore", file, "--replace", "--above", "100000", ...to);
    assert.equal(restored.errors.join(), "");
    assert.match(restored.out, /the store is at revision 100001\n$/);
    assert.equal(await values(target.nodes[0]!), await values(source.nodes[0]!));
    const nowhere = await cli("save", file, "--endpoints", "http://127.0.0.1:1");
    assert.equal(nowhere.code, 5);
    assert.deepEqual(readdirSync(directory.path), ["saved.skein"], "the old one stays");
  });

  it("is saved by itself, and what a cluster begins with, once", async () => {
    using directory = makeTempDir("backup");
    const saving = await makeServerCluster();
    try {
      const dir = join(directory.path, "saved");
      const first = join(directory.path, "first.skein");
      const backup = await download(source.nodes[0]!);
      writeFileSync(first, backup);
      const flags = {
        ...{ "backup.dir": dir, "backup.interval_ms": "1000", "backup.keep_max": "2" },
        "backup.restore_on_first_start": first,
      };
      await Promise.all(saving.nodes.map((node) => node.start(flags)));
      const node = saving.nodes[0]!;
      const expected = await values(source.nodes[0]!);
      await until(async () => await values(node) === expected, { what: "the first backup" });
      await send(node, "/v1/kv/new", "PUT", "since");
      const last = (): string | undefined => {
        const names = readdirSync(dir).filter((name) => name.endsWith(".skein"));
        assert.ok(names.length <= 3, names.join());
        return names.at(-1);
      };
      const before = await until(last, { what: "a backup to be saved" });
      const newer = await until(() => {
        const name = last();
        return name !== before && name;
      }, { what: "the next one" });
      const inspected = await runCli(["snapshot", "inspect", join(dir, newer)]);
      assert.equal(inspected.code, 0, inspected.errors.join());
      await Promise.all(saving.nodes.map((each) => each.stop()));
      await Promise.all(saving.nodes.map((each) => each.start(flags)));
      await saving.ready();
      assert.equal(await (await node.fetch("/v1/kv/new")).text(), "since");
      assert.equal(
        saving.nodes.flatMap(({ lines }) => lines).filter((line) => /Backup restored/.test(line))
          .length,
        1,
      );
    } finally {
      await saving.remove();
    }
  });

  it("comes to its end when its leader goes in the midst of it", async () => {
    const node = source.nodes[0]!;
    for (let round = 0; round < 12; round++) {
      const items = Array.from({ length: 1_000 }, (_, at) => `${round}/${at}`)
        .map((key) => ({ put: { key, value: "v" } }));
      await send(node, "/v1/batch", "POST", JSON.stringify(items));
    }
    const backup = await download(node);
    const expected = await values(node);
    const through = await follower(target);
    const leader = await target.leader();
    const uploading = upload(through, backup, "?replace=true");
    await until(async () => (await through.readiness()).status === 503, {
      what: "the restore to be under way",
    });
    assert.match((await through.readiness()).text, /a backup is being restored/);
    await leader.stop();
    const { status, detail } = await uploading;
    assert.equal(status, 200, detail);
    assert.equal(await values(through), expected);
    await leader.start();
    await target.ready();
    for (const each of target.nodes) assert.equal(await values(each), expected);
  });
});

/** Keys and values, without the revisions that a restore gives anew. */
async function values(node: ServedNode): Promise<string> {
  return (await listed(node)).split("\n").map((line) => {
    const { key, value } = JSON.parse(line);
    return `${key}=${value}`;
  }).join("\n");
}

/** Backups on their way between a file and nodes that are frozen, end, refuse, or take long. */

import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { backupOf } from "../../harness/backups.ts";
import { runCli } from "../../harness/cli.ts";
import { MemoryStore } from "../../harness/kv_store.ts";
import { makeTempDir, type TempDir } from "../../harness/temp_dir.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Something that listens as a node does; what it is asked is counted. */
class Listening {
  readonly asked = { probes: 0, snapshots: 0 };
  /** Whether it says that it lives. */
  isFrozen = false;
  readonly url: Promise<string>;
  readonly #server;

  constructor(answer: Answer) {
    this.#server = createServer((request, response) => {
      if (request.url === "/livez") {
        this.asked.probes++;
        if (!this.isFrozen) response.end("ok\n");
        return;
      }
      this.asked.snapshots++;
      answer(request, response);
    });
    this.url = new Promise((resolve) =>
      this.#server.listen(0, "127.0.0.1", () => {
        const address = this.#server.address();
        const port = typeof address === "object" ? address?.port ?? 0 : 0;
        resolve(`http://127.0.0.1:${port}`);
      })
    );
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function headers(bytes: Uint8Array) {
  const digest = createHash("sha256").update(bytes).digest("base64");
  return {
    ...{ "ETag": '"b1"', "KV-Revision": "9", "Content-Length": bytes.length },
    "Repr-Digest": `sha-256=:${digest}:`,
  };
}

function problem(response: ServerResponse, code: string, more: object): void {
  response.writeHead(503, { "Content-Type": "application/problem+json" });
  response.end(JSON.stringify({ type: `urn:skein:problem:${code}`, code, detail: code, ...more }));
}

const whole = new Uint8Array(1_000).fill(2);

function wholeAnswer(): Listening {
  return new Listening((_request, response) => {
    response.writeHead(200, headers(whole));
    response.end(whole);
  });
}

/** Sends the beginning of a long backup, `then` once it has come; `later` to who asks again. */
function beginning(
  temp: TempDir,
  then: (response: ServerResponse) => void,
  later = then,
): Listening {
  const long = new Uint8Array(300_000).fill(1);
  const node: Listening = new Listening((_request, response) => {
    if (node.asked.snapshots > 1) return later(response);
    response.writeHead(200, headers(long));
    response.write(long.subarray(0, 200_000));
    const hasSome = (): boolean =>
      readdirSync(temp.path).some((name) => statSync(join(temp.path, name)).size > 0);
    until(hasSome, { what: "a part of the backup" }).finally(() => then(response));
  });
  return node;
}

async function run(nodes: readonly Listening[], ...words: readonly string[]) {
  const endpoints = (await Promise.all(nodes.map(({ url }) => url))).join(",");
  try {
    return await runCli(["snapshot", ...words, "--endpoints", endpoints, "--timeout", "400ms"]);
  } finally {
    for (const node of nodes) node.close();
  }
}

async function saved(temp: TempDir, nodes: readonly Listening[]): Promise<void> {
  const path = join(temp.path, "backup.skein");
  const { code, errors } = await run(nodes, "save", path);
  assert.deepEqual([code, ...errors], [0]);
  assert.deepEqual(new Uint8Array(readFileSync(path)), whole);
}

describe("skein snapshot save", () => {
  it("asks the next endpoint where one is frozen", async () => {
    using temp = makeTempDir("save");
    const frozen = new Listening(() => {});
    frozen.isFrozen = true;
    await saved(temp, [frozen, wholeAnswer()]);
  });

  it("waits for as long as it takes where the node lives", async () => {
    using temp = makeTempDir("save");
    const slow = new Listening((_request, response) => {
      until(() => slow.asked.probes >= 9, { what: "it to be asked for two pauses" }).then(() => {
        response.writeHead(200, headers(whole));
        response.end(whole);
      });
    });
    await saved(temp, [slow]);
    assert.equal(slow.asked.snapshots, 1);
  });

  it("begins anew with the next one where the first ends in the midst of it", async () => {
    using temp = makeTempDir("save");
    const ending: Listening = beginning(temp, (response) => {
      response.destroy();
      ending.close();
    });
    await saved(temp, [ending, wholeAnswer()]);
  });

  it("begins anew with the next one where the first freezes in the midst of it", async () => {
    using temp = makeTempDir("save");
    const freezing: Listening = beginning(temp, () => freezing.isFrozen = true);
    await saved(temp, [freezing, wholeAnswer()]);
    assert.equal(freezing.asked.snapshots, 1);
  });

  it("asks again where nobody answers for a moment in the midst of it", async () => {
    using temp = makeTempDir("save");
    let asked = 0;
    const back: Listening = new Listening((_request, response) => {
      if (asked++ === 1) return problem(response, "draining", { retryable: true });
      response.writeHead(200, headers(whole));
      if (asked === 3) return void response.end(whole);
      response.write(whole.subarray(0, 500));
      const hasSome = (): boolean =>
        readdirSync(temp.path).some((name) => statSync(join(temp.path, name)).size > 0);
      until(hasSome, { what: "a part" }).finally(() => response.destroy());
    });
    await saved(temp, [back]);
    assert.equal(asked, 3);
  });

  it("fails after some attempts that come no further", async () => {
    using temp = makeTempDir("save");
    const stuck: Listening = beginning(temp, (response) => response.destroy(), (response) => {
      response.destroy();
    });
    const { code, errors } = await run([stuck], "save", join(temp.path, "backup.skein"));
    assert.equal(code, 5);
    assert.match(errors.join(), /\[unreachable\]/);
    // Deno sends a request twice where a connection that it had kept is closed.
    const { snapshots } = stuck.asked;
    assert.ok(snapshots >= 5 && snapshots <= 10, String(snapshots));
    assert.deepEqual(readdirSync(temp.path), []);
  });
});

describe("skein snapshot restore", () => {
  const done = JSON.stringify({ revision: 10 });

  function backupIn(temp: TempDir): string {
    const path = join(temp.path, "backup.skein");
    mkdirSync(temp.path, { recursive: true });
    writeFileSync(path, backupOf(new MemoryStore().tables));
    return path;
  }

  /** Takes the whole body before it does anything. */
  function taking(then: (response: ServerResponse) => void): Listening {
    return new Listening((request, response) => {
      request.resume();
      request.on("end", () => then(response));
    });
  }

  it("asks the next endpoint where one refuses for now", async () => {
    using temp = makeTempDir("restore");
    const refusal = { retryable: true, outcome: "not_applied" };
    const draining = taking((response) => problem(response, "draining", refusal));
    const nodes = [draining, taking((response) => response.end(done))];
    const { code, out, errors } = await run(nodes, "restore", backupIn(temp));
    assert.deepEqual([code, ...errors], [0]);
    assert.match(out, /the store is at revision 10/);
  });

  it("sends it to nobody else where it may have been restored", async () => {
    using temp = makeTempDir("restore");
    const doubtful = taking((response) =>
      problem(response, "leader_changed", { retryable: true, outcome: "unknown" })
    );
    const other = taking((response) => response.end(done));
    const { code } = await run([doubtful, other], "restore", backupIn(temp));
    assert.deepEqual([code, other.asked.snapshots], [6, 0]);
  });

  it("waits for as long as it takes where the node lives, and no longer", async () => {
    using temp = makeTempDir("restore");
    const slow: Listening = taking((response) => {
      until(() => slow.asked.probes >= 9, { what: "it to be asked for two pauses" })
        .then(() => response.end(done));
    });
    assert.equal((await run([slow], "restore", backupIn(temp))).code, 0);
    const frozen: Listening = taking(() => frozen.isFrozen = true);
    const { code, errors } = await run([frozen], "restore", backupIn(temp));
    assert.equal(code, 6);
    assert.match(errors.join(), /no sign of life for 400 ms \[timeout, unknown\]/);
  });
});

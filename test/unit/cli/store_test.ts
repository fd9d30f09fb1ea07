/** The commands of the whole store against the real REST interface over a store in memory. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { utf8 } from "../../../src/lib/bytes.ts";
import type { HttpServer, Runtime } from "../../../src/runtime/mod.ts";
import { type CliOptions, type CliOutcome, RecordingTerminal, runCli } from "../../harness/cli.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
import { currentRuntime } from "../../harness/runtime.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { after, assert, before, beforeEach, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

const runtime = await currentRuntime();

let probe = new HttpProbe();
let server: HttpServer;
/** Answers that are lost after the store has done what was asked. */
let lost = 0;

before(async () => {
  server = await runtime.serveHttp({
    hostname: "127.0.0.1",
    port: 0,
    requestBytesMax: 16 * 1024 * 1024,
    fetch: async (request, connection) => {
      const response = await probe.app.fetch(request, { connection });
      if (lost === 0) return response;
      lost--;
      return new Response("<html>", { status: 502 });
    },
    onError: (error) => new Response(String(error), { status: 500 }),
  });
});
after(() => server.close(0));
beforeEach(() => {
  probe = new HttpProbe();
  lost = 0;
});

function run(words: readonly string[], options: CliOptions = {}): Promise<CliOutcome> {
  const env = {
    SKEIN_ENDPOINTS: `127.0.0.1:${server.port}`,
    SKEIN_TIMEOUT: "60s",
    ...options.env,
  };
  return runCli(words, { ...options, env });
}

/** `words` split at spaces. */
function skein(words: string, options: CliOptions = {}): Promise<CliOutcome> {
  return run(words.split(" "), options);
}

async function rest(target: string): Promise<string> {
  return (await probe.ask(`GET ${target}`)).text;
}

/** Runs a command that goes on until Ctrl-C. */
function begin(words: string, more: Partial<Runtime> = {}) {
  const terminal = new RecordingTerminal();
  let interrupt = (): void => {};
  const outcome = skein(words, {
    terminal,
    runtime: {
      onSignal(handler) {
        interrupt = () => handler("SIGINT");
        return () => {};
      },
      ...more,
    },
  });
  const wrote = (pattern: RegExp): Promise<boolean> =>
    until(() => pattern.test(terminal.text), { what: `${words} to write ${pattern}` });
  return { terminal, outcome, wrote, interrupt: () => interrupt() };
}

describe("put and del", () => {
  it("hang a key on a time and on a lease", async () => {
    await skein("put a 1 --ttl 30s");
    assert.match(await rest("/v1/leases"), /"ttl_ms":30000,.*"private":true/);
    await skein("lease grant 1m --id 7");
    await skein("put b 1", { env: { SKEIN_LEASE: "7" } });
    assert.match(await rest("/v1/kv/b?format=record"), /"lease":"7"/);
    const absent = await skein("put c 1 --lease 8");
    assert.deepEqual(absent.code, 3);
    assert.match(absent.errors[0]!, /\[lease_not_found, not_applied\]$/);
  });

  it("are applied once under a key of the caller's", async () => {
    const first = await run(["put", "a", "1", "--idempotency-key", "job 7"]);
    const again = await run(["put", "a", "1", "--idempotency-key", "job 7"]);
    assert.equal(again.out, first.out);
    const other = await skein("put a 2", { env: { SKEIN_IDEMPOTENCY_KEY: "job 7" } });
    assert.equal(other.code, 1);
    assert.match(other.errors[0]!, /\[idempotency_mismatch, not_applied\]$/);
    await skein("del a --idempotency-key d;1");
    await skein("put a 1");
    assert.equal((await skein("del a --idempotency-key d;1")).out, "deleted 1 at revision 3\n");
    assert.equal((await skein("get a")).out, "1", "it is there still");
  });

  it("say that they do not know what was there before, where the answer was lost", async () => {
    await skein("put a 1");
    lost = 1;
    const { code, out } = await skein("put a 2 --prev");
    assert.equal(code, 0);
    assert.match(out, /^updated at revision 3\nwhat was there before is not known: /);
  });
});

describe("incr and patch", () => {
  it("count", async () => {
    assert.equal((await skein("incr n")).out, "1\n");
    assert.equal((await skein("incr n 41")).out, "42\n");
    assert.equal((await skein("incr n -- -43")).out, "-1\n");
    assert.equal(
      (await skein("incr n 9223372036854775807 -o json")).out.includes('"value":"92'),
      true,
    );
    const over = await skein("incr n 9223372036854775807");
    assert.equal(over.code, 1);
    assert.match(over.errors[0]!, /\[value_type_mismatch, not_applied\]$/);
  });

  it("are applied once, though two answers are lost", async () => {
    lost = 2;
    assert.equal((await skein("incr n")).out, "1\n");
    assert.equal(lost, 0);
    assert.equal(await rest("/v1/kv/n"), "1");
  });

  it("merge JSON from the command line, from standard input and from a file", async () => {
    assert.equal((await run(["patch", "j", '{"a": 1, "b": 2}'])).out, "created at revision 2\n");
    const input = new RecordingTerminal({ input: utf8('{"a": null}') });
    const patched = await skein("patch j -", { terminal: input });
    assert.equal(patched.out, "updated at revision 3\n");
    using folder = makeTempDir("cli");
    writeFileSync(join(folder.path, "patch"), '{"c": 3}');
    await skein(`patch j --file ${join(folder.path, "patch")}`);
    assert.deepEqual(JSON.parse(await rest("/v1/kv/j")), { b: 2, c: 3 });
    assert.equal((await skein("patch j {} --if-match 1")).code, 4);
  });
});

describe("txn", () => {
  const asked = JSON.stringify({
    if: [{ key: "a", target: "mod", op: "=", value: 0 }],
    then: [{ put: { key: "a", value: "1" } }, { get: { key: "b" } }],
    else: [{ range: { prefix: "a" } }, { txn: { then: [{ delete: { key: "a" } }] } }],
  });
  const input = (): RecordingTerminal => new RecordingTerminal({ input: utf8(asked) });

  it("shows which branch was done, and both are exit code 0", async () => {
    const then = await skein("txn", { terminal: input() });
    assert.deepEqual([then.code, then.out], [
      0,
      "then, at revision 2\n  put: version 1\n  get: absent\n",
    ]);
    const otherwise = await skein("txn", { terminal: input() });
    assert.deepEqual([otherwise.code, otherwise.out], [
      0,
      "else, at revision 3\n  range: 1\n    a = 1\n  txn:\n    then, at revision 3\n" +
      "      delete: 1\n",
    ]);
  });

  it("writes the body of REST with -o json, and takes a file", async () => {
    using folder = makeTempDir("cli");
    writeFileSync(join(folder.path, "txn"), asked);
    const { out } = await skein(`txn --file ${join(folder.path, "txn")} -o json`);
    assert.equal(
      out,
      '{"succeeded":true,"revision":2,"results":[{"put":{"revision":2,"create":2,"version":1}},' +
        '{"get":null}]}\n',
    );
  });

  it("names what is wrong with the body", async () => {
    const terminal = new RecordingTerminal({ input: utf8('{"then": [{"putt": {}}]}') });
    const { code, errors } = await skein("txn", { terminal });
    assert.equal(code, 1);
    assert.match(errors[0]!, /^error: "putt" is .*then\[0\].* \[validation_failed, not_applied\]$/);
  });
});

describe("history and compact", () => {
  it("show the past and give it up", async () => {
    await skein("put a 1");
    await skein("put a 2");
    await skein("del a");
    const { out } = await skein("history a");
    assert.match(
      out,
      /^REVISION +VERSION +TIME +VALUE\n4 +- +\S+ +\(deleted\)\n3 +2 +\S+ +2\n2 +1 +\S+ +1\n$/,
    );
    assert.match((await skein("history a --limit 1")).out, /^.*\n4 .*\n$/);
    assert.equal((await skein("history a -o json")).out, `${await rest("/v1/history/a")}\n`);
    assert.equal((await skein("compact 4")).out, "revisions 4 to 4 can be read\n");
    assert.equal((await skein("compact 4 -o json")).out, '{"revision":4,"oldest":4}\n');
    const gone = await skein("get a --revision 3");
    assert.match(gone.errors[0]!, /\[revision_compacted\]$/);
  });
});

describe("lease", () => {
  it("grants, keeps alive, shows, lists and revokes", async () => {
    const granted = await skein("lease grant 30s --id 7");
    assert.equal(granted.out, "lease 7 lives for 30000 ms from now on\n");
    await skein("put s/a 1 --lease 7");
    const kept = await skein("lease keep-alive 7 --once -o json");
    assert.equal(kept.out, '{"id":"7","ttl_ms":30000,"revision":2}\n');
    const shown = /^ID +TTL_MS +REMAINING_MS +KEYS +PRIVATE\n7 +30000 +\d+ +1 +no\n/;
    assert.match((await skein("lease list")).out, shown);
    const info = await skein("lease info 7 --keys");
    assert.match(info.out, shown);
    assert.ok(info.out.endsWith("\n\ns/a\n"));
    assert.equal((await skein("lease list -o json")).out, `${await rest("/v1/leases")}\n`);
    const revoked = await skein("lease revoke 7");
    assert.deepEqual([revoked.code, revoked.out], [0, "lease 7 has ended\n"]);
    const absent = await skein("lease info 7");
    assert.deepEqual(absent.code, 3);
    assert.equal((await skein("lease keep-alive 7")).code, 3);
    await skein("lease grant 30s --id 8");
    assert.deepEqual((await skein("lease revoke 8 -o json")).out, "");
  });

  it("is kept alive until Ctrl-C, which is exit code 0", async () => {
    await skein("lease grant 1s --id 7");
    const kept = begin("lease keep-alive 7");
    await kept.wrote(/(?:lease 7 lives for 1000 ms from now on\n){2}/);
    kept.interrupt();
    assert.equal((await kept.outcome).code, 0);
  });
});

describe("watch", () => {
  it("writes a line a change until Ctrl-C, which is exit code 0", async () => {
    await skein("put a/1 one");
    const seen = begin("watch --prefix a/ --from-revision 2 --prev");
    await seen.wrote(/one\n/);
    await skein("put b 1");
    await skein("put a/1 two");
    await skein("del a/1");
    await seen.wrote(/delete/);
    seen.interrupt();
    const { code, out, errors } = await seen.outcome;
    assert.deepEqual([code, errors], [0, []]);
    assert.equal(
      out,
      "2  put     a/1  one\n4  put     a/1  two  (before: one)\n" +
        "5  delete  a/1  (before: two)\n",
    );
  });

  it("writes the lines of REST as they come with -o json", async () => {
    await skein("put a 1");
    const seen = begin("watch a --from-revision 2 --filter put -o json");
    await seen.wrote(/"change".*\n/);
    seen.interrupt();
    const { out } = await seen.outcome;
    const lines = out.split("\n");
    assert.equal(lines[0], '{"event":"ready","id":1,"from":2,"revision":2,"compacted":1}');
    assert.match(
      lines[1]!,
      /^\{"event":"change","id":2,"revision":2,"time":".*","events":\[\{"typ/,
    );
  });

  it("ends with an error where the revision is compacted", async () => {
    for (const value of ["1", "2", "3"]) await skein(`put a ${value}`);
    await skein("compact 4");
    const { code, errors } = await skein("watch a --from-revision 2");
    assert.equal(code, 1);
    assert.match(errors[0]!, /\[revision_compacted\]$/);
  });

  it("ends when nobody reads any more", async () => {
    await skein("put a 1");
    const seen = begin("watch a --from-revision 2");
    await seen.wrote(/put/);
    seen.terminal.isReaderGone = true;
    await skein("put a 2");
    assert.equal((await seen.outcome).code, 0);
  });

  it("is exit code 5 where nobody is there", async () => {
    const { code, errors } = await skein("watch", { env: { SKEIN_ENDPOINTS: "127.0.0.1:9" } });
    assert.deepEqual([code, errors], [
      5,
      ["error: http://127.0.0.1:9: no connection [unreachable]"],
    ]);
  });
});

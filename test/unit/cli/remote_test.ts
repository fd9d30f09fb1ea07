/** The data and cluster commands against the real REST interface over services in memory. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { base64url, utf8 } from "../../../src/lib/bytes.ts";
import type { HttpServer } from "../../../src/runtime/mod.ts";
import { ServiceError } from "../../../src/service/errors.ts";
import { type CliOptions, type CliOutcome, RecordingTerminal, runCli } from "../../harness/cli.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
import { startRawServer } from "../../harness/raw_server.ts";
import { currentRuntime } from "../../harness/runtime.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { after, assert, before, beforeEach, describe, it } from "../../harness/test.ts";

const runtime = await currentRuntime();

let probe = new HttpProbe();
let server: HttpServer;
let requests: Request[] = [];

before(async () => {
  server = await runtime.serveHttp({
    hostname: "127.0.0.1",
    port: 0,
    requestBytesMax: 16 * 1024 * 1024,
    fetch: (request) => {
      requests.push(request);
      return probe.app.fetch(request, {});
    },
    onError: (error) => new Response(String(error), { status: 500 }),
  });
});
after(() => server.close(0));
beforeEach(() => {
  probe = new HttpProbe();
  requests = [];
});

/** `words` split at spaces. */
function skein(words: string, options: CliOptions = {}): Promise<CliOutcome> {
  const env = { SKEIN_ENDPOINTS: `127.0.0.1:${server.port}`, ...options.env };
  return runCli(words.split(" "), { ...options, env });
}

/** Of words that may hold spaces. */
function runOne(words: readonly string[]): Promise<CliOutcome> {
  return runCli(words, { env: { SKEIN_ENDPOINTS: `127.0.0.1:${server.port}` } });
}

/** What REST itself answers. */
async function rest(target: string): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${server.port}${target}`)).text();
}

describe("put and get", () => {
  it("store and give back the bytes", async () => {
    const stored = await skein("put cfg/a hello");
    assert.deepEqual([stored.code, stored.out], [0, "created at revision 2\n"]);
    const again = await skein("put cfg/a world --prev");
    assert.equal(again.out, "updated at revision 3\nbefore, at revision 2: hello\n");
    const read = await skein("get cfg/a");
    assert.deepEqual([read.code, read.out, read.errors], [0, "world", []]);
    assert.equal((await skein("get cfg/a --revision 2")).out, "hello");
  });

  it("take the value from standard input and from a file, whatever its bytes", async () => {
    using folder = makeTempDir("cli");
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const path = join(folder.path, "value");
    writeFileSync(path, bytes);
    await skein("put a -", { terminal: new RecordingTerminal({ input: bytes }) });
    await skein(`put b --file ${path} --content-type image/png`);
    await skein("put c --file -", { terminal: new RecordingTerminal({ input: bytes }) });
    assert.deepEqual((await skein("get c")).bytes, bytes);
    assert.deepEqual((await skein("get a")).bytes, bytes);
    assert.deepEqual((await skein("get b")).bytes, bytes);
    assert.match((await skein("get b -o json")).out, /"content_type":"image\/png"/);
    const missing = await skein(`put b --file ${path}.not`);
    assert.equal(missing.code, 2);
    assert.match(missing.errors[0] ?? "", /^error: --file is ".*\.not", which cannot be read: /);
  });

  it("write the body of REST and a newline with -o json", async () => {
    const put = await skein("put a 1 -o json");
    assert.equal(put.out, '{"key":"a","revision":2,"create":2,"version":1}\n');
    const get = await skein("get a -o json");
    assert.equal(get.out, `${await rest("/v1/kv/a?format=record")}\n`);
    assert.match((await skein("get b -o json")).out, /"key_not_found".*\}\n$/);
    assert.equal((await skein("get a", { env: { SKEIN_OUTPUT: "json" } })).out, get.out);
  });

  it("tell a key that is not there by exit code 3", async () => {
    const { code, out, errors } = await skein("get nope");
    assert.deepEqual([code, out], [3, ""]);
    assert.deepEqual(errors, ["error: nope does not exist [key_not_found]"]);
    const odd = await runOne(["get", "a\n\x1b[31mb"]);
    assert.deepEqual(odd.errors, ["error: a\\n\\u001b[31mb does not exist [key_not_found]"]);
  });

  it("tell a condition that did not hold by exit code 4", async () => {
    await skein("put a 1");
    const absent = await skein("put a 2 --if-absent");
    assert.equal(absent.code, 4);
    assert.match(absent.errors[0] ?? "", /^error: .* \[precondition_failed, not_applied\]$/);
    assert.equal((await skein("put a 2 --if-match 1")).code, 4);
    assert.equal((await skein("put a 2 --if-match 2")).code, 0);
    assert.equal((await skein("put a 3 --if-match *")).code, 0);
    const { code, out } = await skein("put a 2 --if-absent -o json");
    assert.equal(code, 4);
    assert.equal(JSON.parse(out).code, "precondition_failed");
  });

  it("hand the read level on", async () => {
    await skein("put a 1");
    await skein("get a --consistency eventual");
    assert.match(requests[1]?.url ?? "", /[?&]consistency=eventual(&|$)/);
    await skein("get a --timeout 50s", { env: { SKEIN_CONSISTENCY: "eventual" } });
    assert.match(requests[2]?.url ?? "", /[?&]consistency=eventual&timeout=(50000|[34]\d{4})ms$/);
    const refused = await skein("get a --consistency stale");
    assert.deepEqual([refused.code, requests.length], [2, 3]);
    assert.match(
      refused.errors[0] ?? "",
      /--consistency is "stale"; allowed .* linearizable, lease, ev/,
    );
  });

  it("tell any other refusal by exit code 1", async () => {
    const { code, errors } = await skein("get a --revision 99 --timeout 50ms");
    assert.equal(code, 1);
    assert.match(errors[0] ?? "", /^error: .+ \[[a-z_]+\]$/);
  });
});

describe("keys that are no text", () => {
  // 0xFB comes out as a word that begins with a hyphen.
  const [binary, other] = ["--key64=-_8", "--key64=_w"];

  it("are given and shown in base64url", async () => {
    await skein(`put ${binary} one`);
    await skein(`put ${other} --file -`, {
      terminal: new RecordingTerminal({ input: Uint8Array.of(50) }),
    });
    assert.match(await rest("/v1/kv/%FB%FF?format=record"), /"key64":"-_8"/);
    assert.equal((await skein(`get ${binary}`)).out, "one");
    const listed = (await skein("ls --prefix64 _w")).out;
    assert.equal(listed.split("\n")[1], `${other}  3         1        2`);
    assert.match((await skein("ls --start64 -_8 --end64 _w")).out, /^KEY.*\n--key64=-_8 .*\n$/);
    assert.match((await skein(`del ${other}`)).out, /^deleted 1 /);
    assert.match((await skein("del --prefix64 -w")).out, /^deleted 1 /);
  });

  it("are shown so that they can be given back", async () => {
    for (const key of ["plain/key ü", "-x", "--key64=YQ", "line\nend", "\uFFFD", "\x7f"]) {
      await skein(`put --key64 ${base64url(utf8(key))} x`);
    }
    const shown = (await skein("ls")).out.split("\n").slice(1, -1);
    const words = shown.map((line) => line.split(/ {2,}/)[0] ?? "");
    assert.deepEqual(words.filter((word) => !word.startsWith("--key64=")), ["plain/key ü"]);
    for (const word of words) assert.equal((await runOne(["get", word])).out, "x", word);
  });

  it("fold into folders that can be given back", async () => {
    await skein("put --key64 _y94 x");
    const listed = (await skein("ls --delimiter /")).out;
    assert.match(listed, /\n--prefix64=_y8 +- +- +\(folder\)\n$/);
    assert.match((await skein("ls --prefix64=_y8")).out, /\n--key64=_y94 /);
  });

  it("are refused where they arrive as U+FFFD, and nothing is asked", async () => {
    for (
      const words of [["put", "k\uFFFD", "v"], ["put", "k", "\uFFFD"], ["ls", "--start=\uFFFD"]]
    ) {
      const { code, errors } = await runOne(words);
      assert.equal(code, 2);
      assert.match(errors[0] ?? "", /holds U\+FFFD, .* no UTF-8; --key64 .* - and --file /);
    }
    assert.equal(requests.length, 0);
  });

  it("are refused where they are no base64url, or are given twice", async () => {
    const wrong = [
      ["get --key64 a+b", /--key64 is "a\+b"; allowed is base64url/],
      ["get k --key64 YQ", /"k" is one argument too many/],
      ["put --key64 YQ k v", /"v" is one argument too many/],
      ["put --key64 YQ v --file f", /VALUE and --file contradict each other/],
      ["ls --start a --start64 YQ", /--start and --start64 contradict each other/],
      ["ls p --prefix64 YQ", /"p" is one argument too many/],
      ["del --prefix64=", /--prefix is empty/],
    ] as const;
    for (const [words, message] of wrong) {
      const { code, errors } = await skein(words);
      assert.equal(code, 2, words);
      assert.match(errors[0] ?? "", message);
    }
    assert.equal(requests.length, 0);
  });
});

describe("what answers and is no node", () => {
  it("is named, and its 404 says nothing of a key: exit code 1", async () => {
    const stranger = await runtime.serveHttp({
      hostname: "127.0.0.1",
      port: 0,
      requestBytesMax: 1024,
      fetch: () => new Response("<html>", { status: 404 }),
      onError: () => new Response(null, { status: 500 }),
    });
    const url = `http://127.0.0.1:${stranger.port}`;
    const { code, errors } = await skein("get a", { env: { SKEIN_ENDPOINTS: url } });
    assert.deepEqual([code, errors], [
      1,
      [`error: ${url} answered with status 404, and not as a node does [http_404]`],
    ]);
    await stranger.close(0);
  });
});

describe("what nobody answers", () => {
  it("is exit code 5 where the request cannot have left", async () => {
    const env = { SKEIN_ENDPOINTS: "127.0.0.1:9,[::1]:9" };
    const read = await skein("get a", { env });
    assert.deepEqual(read.errors, [
      "error: http://127.0.0.1:9: no connection; http://[::1]:9: no connection [unreachable]",
    ]);
    assert.equal(read.code, 5);
    const write = await skein("put a 1", { env });
    assert.equal(write.code, 5);
    assert.match(write.errors[0] ?? "", /\[unreachable, not_applied\]$/);
  });

  it("is exit code 6 where a write may have been applied", async () => {
    const broken = await startRawServer(() => "cut");
    const { code, errors } = await skein("put a 1 --timeout 300ms", {
      env: { SKEIN_ENDPOINTS: broken.url },
    });
    broken.close();
    assert.equal(code, 6);
    assert.ok(broken.seen.length > 1, "it may be repeated, because it carries a key");
    assert.match(errors[0] ?? "", /\[unreachable, unknown\]$/);
    const silent = await startRawServer(() => "hang");
    const env = { SKEIN_ENDPOINTS: silent.url, SKEIN_TIMEOUT: "50ms" };
    const late = await skein("del a", { env });
    assert.equal(late.code, 6);
    assert.match(late.errors[0] ?? "", /no answer within \d+ ms \[timeout, unknown\]$/);
    assert.equal((await skein("get a", { env })).code, 5);
    silent.close();
  });

  it("is exit code 6 where the cluster itself says so, whatever the status", async () => {
    probe.kv.before = () => {
      throw new ServiceError("timeout", "Not committed in time", { outcome: "unknown" });
    };
    const { code, errors } = await skein("put a 1 --timeout 300ms");
    assert.equal(code, 6);
    assert.deepEqual(errors, ["error: Not committed in time [timeout, unknown]"]);
  });
});

describe("del", () => {
  it("deletes a key, and nothing is no failure", async () => {
    await skein("put a 1");
    const deleted = await skein("del a --prev");
    assert.equal(deleted.out, "deleted 1 at revision 3\nbefore, at revision 2: 1\n");
    const { code, out } = await skein("del a");
    assert.deepEqual([code, out], [0, "deleted 0 at revision 3\n"]);
  });

  it("deletes by prefix, at most so many", async () => {
    for (const key of ["a/1", "a/2", "a/3", "b"]) await skein(`put ${key} x`);
    assert.equal(
      (await skein("del --prefix a/ --limit 2")).out,
      "deleted 2 at revision 6, more are left\n",
    );
    assert.equal((await skein("del --prefix a/ -o json")).out, '{"deleted":1,"revision":7}\n');
    assert.equal((await skein("get b")).out, "x");
    await skein("put b/1 y");
    assert.equal(
      (await skein("del --prefix b --prev")).out,
      "deleted 2 at revision 9\nb before, at revision 5: x\nb/1 before, at revision 8: y\n",
    );
  });

  it("deletes everything when it is told so", async () => {
    for (const key of ["a", "b", "c"]) await skein(`put ${key} x`);
    assert.equal(
      (await skein("del --all --limit 2")).out,
      "deleted 2 at revision 5, more are left\n",
    );
    assert.equal((await skein("del --all")).out, "deleted 1 at revision 6\n");
    for (const words of ["del a --all", "del --prefix a --all"]) {
      const { code, errors } = await skein(words);
      assert.deepEqual([code, errors], [2, ["error: --all contradicts KEY and --prefix"]], words);
    }
  });
});

describe("ls", () => {
  it("shows keys, revisions and the beginning of values", async () => {
    await skein("put a/1 one");
    await skein(`put a/2 ${"x".repeat(70)}`);
    await skein("put a/3 -", {
      terminal: new RecordingTerminal({ input: Uint8Array.of(27, 255) }),
    });
    assert.equal(
      (await skein("ls a/")).out,
      [
        "KEY  REVISION  VERSION  VALUE\n",
        "a/1  2         1        one\n",
        `a/2  3         1        ${"x".repeat(60)}... (70 bytes)\n`,
        "a/3  4         1        \\x1b\\xff\n",
      ].join(""),
    );
    assert.equal((await skein("ls zzz")).out, "KEY  REVISION  VERSION  VALUE\n");
    assert.equal(
      (await skein("ls a/2 --keys-only")).out,
      "KEY  REVISION  VERSION\na/2  3         1\n",
    );
    assert.equal(
      (await skein("ls --keys-only --delimiter /")).out,
      "KEY  REVISION  VERSION  VALUE\na/   -         -        (folder)\n",
    );
  });

  it("takes limits, ranges, direction and folders", async () => {
    for (const key of ["a/1", "a/2", "b", "c/d/e"]) await skein(`put ${key} x`);
    const keysOf = async (words: string): Promise<readonly string[]> =>
      (await skein(words)).out.split("\n").slice(1, -1).map((line) => line.split(" ")[0] ?? "");
    assert.deepEqual(await keysOf("ls --limit 2"), ["a/1", "a/2"]);
    assert.deepEqual(await keysOf("ls --reverse --limit 1"), ["c/d/e"]);
    assert.deepEqual(await keysOf("ls --start a/2 --end c"), ["a/2", "b"]);
    assert.deepEqual(await keysOf("ls --delimiter /"), ["b", "a/", "c/"]);
  });

  it("writes one page of REST with -o json, and goes on from its cursor", async () => {
    for (const key of ["a", "b", "c"]) await skein(`put ${key} x`);
    const { out } = await skein("ls --limit 2 -o json");
    assert.equal(out, `${await rest("/v1/kv?limit=2")}\n`);
    const { cursor } = JSON.parse(out);
    const next = await skein(`ls --limit 2 --cursor ${cursor} -o json`);
    assert.deepEqual(JSON.parse(next.out).items.map((item: { key: string }) => item.key), ["c"]);
  });
});

describe("status, member list, leader transfer", () => {
  it("write the body of REST and a newline with -o json", async () => {
    assert.equal((await skein("status -o json")).out, `${await rest("/v1/cluster")}\n`);
    const members = await skein("member list -o json");
    assert.equal(members.out, `${await rest("/v1/cluster/members")}\n`);
  });

  it("tell a cluster without a leader by exit code 1, and show what is known", async () => {
    probe.cluster.current = { ...probe.cluster.current, leader: undefined };
    for (const words of ["status", "status -o json"]) {
      const { code, out, errors } = await skein(words);
      assert.deepEqual([code, errors], [1, ["error: The cluster has no leader"]]);
      assert.match(out, /leader {3}none|"leader":null/);
    }
  });

  it("show the cluster to people", async () => {
    const { code, out } = await skein("status");
    assert.equal(code, 0);
    assert.match(
      out,
      /^cluster {2}\S+\nterm {5}\d+\nleader {3}node \d+\ndata {5}version 4\nmembers {2}3, /,
    );
    assert.match(
      out,
      /\nID +ROLE +SUFFRAGE +HEALTHY +MATCH +APPLIED +LAG_MS +HTTP +RPC +VERSION\n/,
    );
    assert.match((await skein("member list")).out, /^ID +ROLE[^]*\n1 +(leader|follower) +voter/);
  });

  it("say of a cluster that is not formed where to ask on", async () => {
    probe.cluster.current = { ...probe.cluster.current, members: [] };
    assert.equal(
      (await skein("status")).out,
      "cluster  test-cluster\n" +
        "members  none: the cluster is not formed yet, /readyz says what it waits for\n",
    );
  });

  it("hand leadership over", async () => {
    const { code, out } = await skein("leader transfer 2");
    assert.deepEqual([code, out], [0, "node 2 leads\n"]);
    const json = await skein("leader transfer 3 -o json");
    assert.deepEqual(JSON.parse(json.out), { leader: 3 });
    const unknown = await skein("leader transfer 77");
    assert.equal(unknown.code, 3);
    assert.match(unknown.errors[0] ?? "", /\[member_not_found, not_applied\]$/);
  });
});

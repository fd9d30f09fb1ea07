import { createHash } from "node:crypto";
import { fakeBackup } from "../../harness/fake_backups.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { ServiceError } from "../../../src/service/errors.ts";

let probe: HttpProbe;
const bytes = Uint8Array.from({ length: 1_000 }, (_, at) => at % 256);

beforeEach(() => {
  probe = new HttpProbe();
  probe.backups.next = fakeBackup("b1", bytes);
});

const sha256 = createHash("sha256").update(bytes).digest();
const digest = `sha-256=:${sha256.toString("base64")}:`;

describe("GET /v1/snapshot", () => {
  it("answers the whole file, with its length, digest and tag", async () => {
    const { status, headers, bytes: body } = await probe.ask("GET /v1/snapshot");
    assert.equal(status, 200);
    assert.deepEqual(body, bytes);
    assert.deepEqual(
      ["ETag", "Content-Length", "Repr-Digest", "Accept-Ranges", "KV-Revision"].map((name) =>
        headers.get(name)
      ),
      ['"b1"', "1000", digest, "bytes", "9"],
    );
    assert.equal(headers.get("Content-Type"), "application/vnd.skein.backup");
    assert.equal(headers.get("Content-Disposition"), 'attachment; filename="fake-9.skein"');
  });

  it("answers HEAD with the headers alone", async () => {
    const { headers, bytes: body } = await probe.ask("HEAD /v1/snapshot");
    assert.deepEqual([headers.get("Content-Length"), body.length], ["1000", 0]);
  });

  it("asks for it as fresh as a read is asked for", async () => {
    await probe.ask("GET /v1/snapshot?consistency=eventual&min_revision=5");
    await probe.ask("GET /v1/snapshot");
    const levels = probe.backups.made.map(({ level, minRevision }) => [level, minRevision]);
    assert.deepEqual(levels, [["eventual", 5], ["linearizable", undefined]]);
  });

  const parts = [
    ["bytes=0-", 0, 1_000],
    ["bytes=100-199", 100, 200],
    ["bytes=990-5000", 990, 1_000],
    ["bytes=-10", 990, 1_000],
    ["bytes=-5000", 0, 1_000],
    ["Bytes=999-999", 999, 1_000],
  ] as const;
  for (const [range, start, end] of parts) {
    it(`goes on with one that is kept: Range ${range}`, async () => {
      await probe.ask("GET /v1/snapshot");
      const { status, headers, bytes: body } = await probe.ask("GET /v1/snapshot", {
        headers: { Range: range, "If-Range": '"b1"' },
      });
      assert.equal(status, 206);
      assert.equal(headers.get("Content-Range"), `bytes ${start}-${end - 1}/1000`);
      assert.equal(headers.get("Content-Length"), String(end - start));
      assert.equal(headers.get("Repr-Digest"), digest);
      assert.deepEqual(body, bytes.slice(start, end));
      assert.equal(probe.backups.made.length, 1, "and makes none");
    });
  }

  it("takes the newest where the client does not say of which", async () => {
    await probe.ask("GET /v1/snapshot");
    probe.backups.next = fakeBackup("b2", bytes.slice(0, 500));
    await probe.ask("GET /v1/snapshot");
    const { headers } = await probe.ask("GET /v1/snapshot", { headers: { Range: "bytes=1-" } });
    assert.deepEqual([headers.get("ETag"), headers.get("Content-Range")], [
      '"b2"',
      "bytes 1-499/500",
    ]);
  });

  const whole = [
    { Range: "bytes=5-", "If-Range": '"b0"' },
    { Range: "bytes=5-", "If-Range": 'W/"b1"' },
    { Range: "bytes=5-", "If-Range": "Mon, 30 Nov 2026 09:00:00 GMT" },
    { Range: "bytes=5-4", "If-Range": '"b1"' },
    { Range: "bytes=0-1,4-5", "If-Range": '"b1"' },
    { Range: "lines=0-1", "If-Range": '"b1"' },
    { Range: "bytes=-", "If-Range": '"b1"' },
  ];
  for (const headers of whole) {
    it(`answers all of another one to ${JSON.stringify(headers)}`, async () => {
      await probe.ask("GET /v1/snapshot");
      probe.backups.next = fakeBackup("b2", bytes.slice(0, 500));
      const answer = await probe.ask("GET /v1/snapshot", { headers });
      assert.deepEqual([answer.status, answer.headers.get("ETag")], [200, '"b2"']);
      assert.equal(answer.bytes.length, 500);
    });
  }

  it("answers all of it where none is kept", async () => {
    const { status } = await probe.ask("GET /v1/snapshot", { headers: { Range: "bytes=5-" } });
    assert.equal(status, 200);
  });

  it("refuses a range behind the end", async () => {
    await probe.ask("GET /v1/snapshot");
    const problem = await probe.problem("GET /v1/snapshot", "416 range_not_satisfiable", {
      headers: { Range: "bytes=1000-" },
    });
    assert.equal(problem.headers.get("Content-Range"), "bytes */1000");
  });

  it("tells why none can be made", async () => {
    probe.backups.next = new ServiceError("out_of_space", "full", { retryable: true });
    const { outcome, retryable } = await probe.problem("GET /v1/snapshot", "507 out_of_space");
    assert.deepEqual([outcome, retryable], [undefined, true]);
  });
});

describe("PUT /v1/snapshot", () => {
  it("hands the body on as it is, of any media type, with what is asked", async () => {
    const { status, text } = await probe.ask("PUT /v1/snapshot?replace=true&above=70", {
      body: bytes,
      headers: { "Content-Type": "text/csv", "Repr-Digest": digest },
    });
    assert.equal(status, 200);
    const { bytes: came, ...asked } = probe.backups.restored!;
    assert.deepEqual(came, bytes);
    assert.deepEqual(asked, {
      ...{ sha256: new Uint8Array(sha256), over: "any", verifyOnly: false, above: 70 },
    });
    const { revision, backup } = JSON.parse(text);
    assert.equal(revision, 10);
    assert.deepEqual([backup.revision, backup.keys, backup.cluster_id], [9, 3, "fake"]);
  });

  it("only verifies where that is asked for", async () => {
    const { text } = await probe.ask("PUT /v1/snapshot?verify", { body: bytes });
    const { verified, revision } = JSON.parse(text);
    assert.deepEqual([verified, revision], [true, undefined]);
    assert.equal(probe.backups.restored?.verifyOnly, true);
  });

  it("takes Content-Digest, and passes over digests of other kinds", async () => {
    const put = (name: string, value: string) =>
      probe.ask("PUT /v1/snapshot", { body: bytes, headers: { [name]: value } });
    await put("Content-Digest", `md5=:AAAA:, ${digest}`);
    assert.deepEqual(probe.backups.restored?.sha256, new Uint8Array(sha256));
    await put("Repr-Digest", "sha-512=:AAAA:");
    assert.equal(probe.backups.restored?.sha256, undefined);
  });

  it("refuses a digest that is none, encodings, conditions and keys", async () => {
    const refuse = (wanted: `${number} ${string}`, headers: Record<string, string>) =>
      probe.problem("PUT /v1/snapshot", wanted, { body: bytes, headers });
    await refuse("400 bad_request", { "Repr-Digest": "sha-256=:AAAA:" });
    await refuse("415 unsupported_media_type", { "Content-Encoding": "gzip" });
    await refuse("400 validation_failed", { "If-Match": '"7"' });
    await refuse("400 validation_failed", { "Idempotency-Key": "k" });
    assert.equal(probe.backups.restored, undefined);
  });

  it("tells the outcome of what was refused", async () => {
    probe.backups.refusal = new ServiceError("conflict", "not empty", { outcome: "not_applied" });
    const { outcome } = await probe.problem("PUT /v1/snapshot", "409 conflict", { body: bytes });
    assert.equal(outcome, "not_applied");
  });

  it("gives up a body that pauses for longer than the time-out", async () => {
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(bytes),
      // It never ends.
      pull: () => new Promise(() => {}),
    });
    const init = { body, duplex: "half" };
    const problem = await probe.problem(
      "PUT /v1/snapshot?timeout=50ms",
      "408 request_timeout",
      init,
    );
    assert.equal(problem.headers.get("Connection"), "close");
  });
});

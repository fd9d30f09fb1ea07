import { Connection, type RestRequest } from "../../../src/client/connection.ts";
import { AnswerError, UnreachableError } from "../../../src/client/errors.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

const read: RestRequest = { kind: "read", method: "GET", target: "/v1/kv/a" };
const write: RestRequest = { kind: "write", method: "PUT", target: "/v1/kv/a" };
const endpoints = ["http://n1:1", "http://n2:1", "http://n3:1"];

type Reply = Response | Error | "hang";

/** Plays a cluster: `replies` answers the nth request, `asked` lists `METHOD endpoint`. */
function cluster(replies: (asked: number, url: URL) => Reply) {
  const asked: string[] = [];
  const targets: URL[] = [];
  const fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const parsed = new URL(url);
    targets.push(parsed);
    asked.push(`${init.method} ${parsed.hostname}`);
    const reply = replies(asked.length, parsed);
    if (reply instanceof Error) throw reply;
    if (reply !== "hang") return reply;
    return await new Promise((_, reject) => {
      init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
    });
  };
  const connect = (timeoutMs = 30_000): Connection =>
    new Connection({ endpoints, timeoutMs, fetch });
  return { asked, targets, connect };
}

function refused(): Error {
  return Object.assign(new TypeError("Unable to connect"), { code: "ECONNREFUSED" });
}

function broken(): Error {
  return Object.assign(new TypeError("closed unexpectedly"), { code: "ECONNRESET" });
}

const said = { type: "urn:skein:problem:x", detail: "Said so", code: "x" };

function problem(
  status: number,
  members: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify({ ...said, ...members }), {
    status,
    headers,
  });
}

async function errorOf(work: Promise<unknown>): Promise<AnswerError | UnreachableError> {
  const error = await work.then(() => undefined, (caught: unknown) => caught);
  assert.ok(error instanceof AnswerError || error instanceof UnreachableError, String(error));
  return error;
}

describe("a connection to a cluster", () => {
  it("tells the server how long it will wait", async () => {
    const { connect, targets } = cluster(() => new Response("x"));
    await connect(50_000).request({ ...write, target: "/v1/kv/a?prev=true" });
    const timeout = /^([0-9]+)ms$/.exec(targets[0]?.searchParams.get("timeout") ?? "")?.[1];
    assert.ok(Number(timeout) > 30_000 && Number(timeout) <= 50_000, timeout);
    assert.equal(targets[0]?.searchParams.get("prev"), "true");
  });

  it("asks no node to wait for longer than it may, and asks again", async () => {
    const late = (): Response =>
      problem(504, { code: "timeout", outcome: "not_applied", retryable: true });
    const { connect, targets } = cluster((at) => at <= 3 ? late() : new Response("x"));
    await connect(600_000).request(write);
    const asked = targets.map((url) => url.searchParams.get("timeout"));
    assert.deepEqual(asked, ["60000ms", "60000ms", "60000ms", "60000ms"]);
  });

  const foreign: readonly (readonly [string, string, Error])[] = [
    [
      "what is no HTTP on Bun",
      "what listens there does not speak HTTP/1.1; is it the gRPC port?",
      new Error('Malformed_HTTP_Response fetching "http://n1:1/". For more information, pass x'),
    ],
    [
      "what is no HTTP on Deno",
      "what listens there does not speak HTTP/1.1; is it the gRPC port?",
      new TypeError("fetch failed", {
        cause: new Error("error for http://n1: client error (SendRequest): invalid HTTP version"),
      }),
    ],
    [
      "a broken connection on Bun",
      "ECONNRESET: The socket was closed",
      new Error("ECONNRESET: The socket was closed. For more information, pass `verbose: true`"),
    ],
    [
      "a broken connection on Deno",
      "connection closed",
      new TypeError("fetch failed", {
        cause: new Error("error for http://n1: client error (SendRequest): connection closed"),
      }),
    ],
  ];
  for (const [what, reason, error] of foreign) {
    it(`names ${what} without the runtime's advice to programmers`, async () => {
      const { connect } = cluster(() => error);
      const { message } = await errorOf(connect().request(write));
      assert.equal(message, `http://n1:1: ${reason}`);
    });
  }

  it("goes round the endpoints", async () => {
    const { connect, asked } = cluster(() => new Response("x"));
    const connection = connect();
    for (let i = 0; i < 4; i++) await connection.request(read);
    assert.deepEqual(asked, ["GET n1", "GET n2", "GET n3", "GET n1"]);
  });

  it("sends writes to the leader once it is known, and reads round as before", async () => {
    const { connect, asked } = cluster((_, url) =>
      new Response("x", { headers: { "kv-served-by": url.hostname.slice(1), "kv-leader": "2" } })
    );
    const connection = connect();
    for (const request of [read, read, write, read, write]) await connection.request(request);
    assert.deepEqual(asked, ["GET n1", "GET n2", "PUT n2", "GET n1", "PUT n2"]);
  });

  it("forgets a leader that does not answer", async () => {
    const { connect, asked } = cluster((at, url) =>
      at === 3 ? refused() : new Response("x", {
        headers: { "kv-served-by": url.hostname.slice(1), "kv-leader": "2" },
      })
    );
    const connection = connect();
    for (const request of [read, read, write]) await connection.request(request);
    assert.deepEqual(asked.slice(2), ["PUT n2", "PUT n3"]);
  });

  it("asks an endpoint that just failed last", async () => {
    const { connect, asked } = cluster((_, url) =>
      url.hostname === "n1" ? refused() : new Response("x")
    );
    const connection = connect();
    for (let i = 0; i < 4; i++) await connection.request(read);
    assert.deepEqual(asked, ["GET n1", "GET n2", "GET n2", "GET n3", "GET n2"]);
  });

  it("asks a read again elsewhere when the connection breaks", async () => {
    const { connect, asked } = cluster((at) => at === 1 ? broken() : new Response("x"));
    await connect().request(read);
    assert.deepEqual(asked, ["GET n1", "GET n2"]);
  });

  it("leaves a read time for the others when one endpoint hangs", async () => {
    const { connect, asked } = cluster((at) => at === 1 ? "hang" : new Response("x"));
    await connect(6_000).request(read);
    assert.deepEqual(asked, ["GET n1", "GET n2"]);
  });

  it("asks a write again elsewhere when it cannot have left", async () => {
    const { connect, asked } = cluster((at) => at < 3 ? refused() : new Response("x"));
    await connect().request(write);
    assert.deepEqual(asked, ["PUT n1", "PUT n2", "PUT n3"]);
  });

  const unsent: readonly (readonly [string, string, Error])[] = [
    ["Bun's refusal", "no connection", refused()],
    [
      "Bun's name error",
      "the host name is not known",
      Object.assign(new Error("x"), { code: "ENOTFOUND" }),
    ],
    [
      "Deno's refusal",
      "no connection",
      new TypeError("fetch failed", {
        cause: new Error("error sending request: client error (Connect): tcp connect error"),
      }),
    ],
    [
      "Deno's name error",
      "the host name is not known",
      new TypeError("fetch failed", {
        cause: new Error("error sending request: client error (Connect): dns error: failed"),
      }),
    ],
    [
      "Bun's missing TLS",
      "what listens there does not speak TLS; is it http://?",
      Object.assign(new TypeError("EPROTO: The TLS handshake failed. Does the"), {
        code: "EPROTO",
      }),
    ],
    [
      "Deno's missing TLS",
      "what listens there does not speak TLS; is it http://?",
      new TypeError("fetch failed", {
        cause: new Error("client error (Connect): received corrupt message of InvalidContentType"),
      }),
    ],
    [
      "Node's refusal",
      "no connection",
      new TypeError("fetch failed", {
        cause: Object.assign(new Error("connect"), { code: "ECONNREFUSED" }),
      }),
    ],
  ];
  for (const [what, reason, error] of unsent) {
    it(`takes ${what} for a write that was not applied`, async () => {
      const { connect, asked } = cluster(() => error);
      const { code, outcome, message } = await errorOf(connect().request(write));
      assert.deepEqual([code, outcome], ["unreachable", "not_applied"]);
      assert.ok(message.startsWith(`http://n1:1: ${reason}; http://n2:1: ${reason};`), message);
      assert.equal(asked.length, 3);
    });
  }

  const unknown: readonly (readonly [string, Error])[] = [
    ["a reset", broken()],
    [
      "Deno's broken connection",
      new TypeError("fetch failed", {
        cause: new Error("client error (SendRequest): connection closed before message completed"),
      }),
    ],
    ["an error of no known kind", new Error("?")],
  ];
  for (const [what, error] of unknown) {
    it(`asks nobody else about a write after ${what}: its outcome is unknown`, async () => {
      const { connect, asked } = cluster(() => error);
      const { code, outcome } = await errorOf(connect().request(write));
      assert.deepEqual([code, outcome], ["unreachable", "unknown"]);
      assert.deepEqual(asked, ["PUT n1"]);
    });
  }

  it("sends nothing that cannot be written as a request, and knows it", async () => {
    const { connect, asked } = cluster(() => new Response("x"));
    const request = { ...write, headers: { "content-type": "a/\u20ac" } };
    const { code, outcome, message } = await errorOf(connect().request(request));
    assert.deepEqual([code, outcome, asked], ["unreachable", "not_applied", []]);
    assert.match(message, /^http:\/\/n1:1: a request with a URL of \d+ characters and these/);
  });

  it("does not forget a lost write over a refusal before it", async () => {
    const { connect, asked } = cluster((at) =>
      at === 1 ? problem(503, { retryable: true, outcome: "not_applied" }) : broken()
    );
    const { outcome } = await errorOf(connect().request(write));
    assert.equal(outcome, "unknown");
    assert.deepEqual(asked, ["PUT n1", "PUT n2"]);
  });

  it("gives up a write that is not answered, with its outcome unknown", async () => {
    const { connect, asked } = cluster(() => "hang");
    const { code, outcome, message } = await errorOf(connect(50).request(write));
    assert.deepEqual([code, outcome], ["timeout", "unknown"]);
    assert.match(message, /no answer within \d+ ms/);
    assert.equal(asked.length, 1);
  });

  it("gives up a read that nobody answers", async () => {
    const { connect } = cluster(() => "hang");
    const { code, outcome } = await errorOf(connect(50).request(read));
    assert.deepEqual([code, outcome], ["timeout", undefined]);
  });

  it("repeats a write exactly when the answer says that this is safe", async () => {
    const again = cluster((at) =>
      at < 5 ? problem(503, { retryable: true, outcome: "not_applied" }) : new Response("x")
    );
    await again.connect().request(write);
    assert.equal(again.asked.length, 5);
    const once = cluster(() => problem(503, { retryable: false, outcome: "unknown", code: "y" }));
    const error = await errorOf(once.connect().request(write));
    assert.deepEqual([error.code, error.outcome, once.asked.length], ["y", "unknown", 1]);
  });

  it("gives up a refusal that asks for more patience than there is", async () => {
    const { connect, asked } = cluster(() =>
      problem(503, { retryable: true, outcome: "not_applied" }, { "retry-after": "60" })
    );
    const { outcome } = await errorOf(connect().request(write));
    assert.equal(outcome, "not_applied");
    assert.equal(asked.length, 3);
  });

  it("tells a refusal in full", async () => {
    const members = { code: "precondition_failed", outcome: "not_applied", current: { mod: 7 } };
    const { connect } = cluster(() => problem(412, { ...members, detail: "a is at revision 7" }));
    const error = await errorOf(connect().request(write));
    assert.ok(error instanceof AnswerError);
    assert.deepEqual(
      [error.status, error.code, error.outcome, error.message],
      [412, "precondition_failed", "not_applied", "a is at revision 7"],
    );
    assert.deepEqual(error.problem["current"], { mod: 7 });
  });

  it("takes a proxy's error on a write for an unknown outcome", async () => {
    const { connect } = cluster(() => new Response("<html>", { status: 502 }));
    const { code, outcome, message } = await errorOf(connect().request(write));
    assert.deepEqual([code, outcome], ["http_502", "unknown"]);
    assert.equal(message, "http://n1:1 answered with status 502, and not as a node does");
  });

  it("takes no proxy's words for those of a node", async () => {
    const words = { code: "GatewayTimeout", outcome: "not_applied", retryable: true };
    const { connect, asked } = cluster(() => new Response(JSON.stringify(words), { status: 504 }));
    const { code, outcome } = await errorOf(connect().request(write));
    assert.deepEqual([code, outcome, asked], ["http_504", "unknown", ["PUT n1"]]);
  });

  it("asks a read again elsewhere when a proxy finds no node", async () => {
    const { connect, asked } = cluster((at) => new Response("x", { status: at < 3 ? 502 : 200 }));
    await connect().request(read);
    assert.deepEqual(asked, ["GET n1", "GET n2", "GET n3"]);
    const none = cluster(() => new Response("x", { status: 404 }));
    assert.equal((await errorOf(none.connect().request(read))).code, "http_404");
    assert.equal(none.asked.length, 1);
  });

  it("takes a redirect for no answer", async () => {
    for (const status of [301, 304, 307]) {
      const { connect } = cluster(() => new Response(null, { status, headers: { location: "/" } }));
      const lost = await errorOf(connect().request(write));
      assert.deepEqual([lost.code, lost.outcome], [`http_${status}`, "unknown"]);
      const watch = connect().open(read, new AbortController().signal);
      assert.equal((await errorOf(watch)).code, `http_${status}`);
    }
  });

  it("stops at once when its signal says so, and holds nothing against the endpoints", async () => {
    const late = (): Response => problem(503, { retryable: true }, { "retry-after": "20" });
    for (const reply of [late, (): "hang" => "hang"]) {
      let isOver = false;
      const { connect, asked } = cluster(() => isOver ? new Response("x") : reply());
      const connection = connect();
      const end = new AbortController();
      const open = errorOf(connection.open(read, end.signal));
      await until(() => asked.length === (reply === late ? 3 : 1), { what: "the question" });
      end.abort();
      await open;
      isOver = true;
      const before = asked.length;
      for (let i = 0; i < 3; i++) await connection.request(read);
      assert.deepEqual(asked.slice(before).toSorted(), ["GET n1", "GET n2", "GET n3"]);
    }
  });

  for (const text of ["", "ftp://a:1", "http://a:1/path", "a b", "http://u:p@a:1", "a:1?x"]) {
    it(`refuses ${JSON.stringify(text)} as an endpoint`, () => {
      assert.throws(() => new Connection({ endpoints: [text] }), /allowed is http:\/\/host:port/);
    });
  }
});

/**
 * Guards the client against what fetch does behind one's back: it sends a PUT or DELETE again when
 * the connection breaks before the answer. These writes carry no key, so that nobody else repeats
 * them either.
 */

import { Connection, type RestRequest } from "../../../src/client/connection.ts";
import { UnreachableError } from "../../../src/client/errors.ts";
import { utf8 } from "../../../src/lib/bytes.ts";
import { type RawServer, startRawServer } from "../../harness/raw_server.ts";
import { afterEach, assert, describe, it } from "../../harness/test.ts";

describe("a write whose connection breaks", () => {
  let server: RawServer;
  afterEach(() => server.close());

  /** Answers the first requests, so that the connection is kept and used again; then cuts. */
  async function cutting(after: number): Promise<Connection> {
    server = await startRawServer(() => server.seen.length > after ? "cut" : "answer");
    return new Connection({ endpoints: [server.url], timeoutMs: 60_000 });
  }

  const writes: readonly (readonly [string, Pick<RestRequest, "method" | "body">])[] = [
    ["PUT /v1/kv/a", { method: "PUT", body: utf8("value") }],
    ["PUT /v1/kv/a", { method: "PUT" }],
    ["DELETE /v1/kv/a", { method: "DELETE" }],
    ["POST /v1/kv/a", { method: "POST", body: utf8("{}") }],
  ];
  for (const [request, asked] of writes) {
    for (const kept of [0, 2]) {
      it(`${request} is sent once on ${kept === 0 ? "a new" : "a kept"} connection`, async () => {
        const connection = await cutting(kept);
        const write = () => connection.request({ kind: "write", target: "/v1/kv/a", ...asked });
        for (let i = 0; i < kept; i++) await write();
        const error = await write().then(() => undefined, (caught: unknown) => caught);
        assert.ok(error instanceof UnreachableError, String(error));
        assert.equal(error.outcome, "unknown");
        assert.deepEqual(server.seen, Array.from({ length: kept + 1 }, () => request));
      });
    }
  }
});

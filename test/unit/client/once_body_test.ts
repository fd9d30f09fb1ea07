/**
 * Guards the client against what fetch does behind one's back: it sends a PUT or DELETE again when
 * the connection breaks before the answer.
 */

import { Client } from "../../../src/client/client.ts";
import { UnreachableError } from "../../../src/client/errors.ts";
import { type RawServer, startRawServer } from "../../harness/raw_server.ts";
import { afterEach, assert, describe, it } from "../../harness/test.ts";

describe("a write whose connection breaks", () => {
  let server: RawServer;
  afterEach(() => server.close());

  /** Answers the first requests, so that the connection is kept and used again; then cuts. */
  async function cutting(after: number): Promise<Client> {
    server = await startRawServer(() => server.seen.length > after ? "cut" : "answer");
    return new Client({ endpoints: [server.url], timeoutMs: 60_000 });
  }

  const writes: readonly (readonly [string, (client: Client) => Promise<unknown>])[] = [
    ["PUT /v1/kv/a", (client) => client.put("a", "value")],
    ["PUT /v1/kv/a", (client) => client.put("a", "")],
    ["DELETE /v1/kv/a", (client) => client.delete("a")],
    ["POST /v1/cluster/leadership", (client) => client.transferLeadership(2)],
  ];
  for (const [request, write] of writes) {
    for (const kept of [0, 2]) {
      it(`${request} is sent once on ${kept === 0 ? "a new" : "a kept"} connection`, async () => {
        const client = await cutting(kept);
        for (let i = 0; i < kept; i++) await write(client);
        const error = await write(client).then(() => undefined, (caught: unknown) => caught);
        assert.ok(error instanceof UnreachableError, String(error));
        assert.equal(error.outcome, "unknown");
        assert.deepEqual(server.seen, Array.from({ length: kept + 1 }, () => request));
      });
    }
  }
});

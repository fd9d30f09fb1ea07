/** A store of one process that speaks enough of the REST surface to try the harness on it. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

interface Stored {
  readonly value: string;
  readonly mod: number;
  readonly version: number;
}

/** What it does wrong, asked for every request. */
export interface Faults {
  /** Answer reads from the state before the last write of the key. */
  readonly staleRead?: () => boolean;
  /** Acknowledge a write and forget it. */
  readonly dropWrite?: () => boolean;
  /** Execute the request and cut the connection instead of answering. */
  readonly loseAnswer?: () => boolean;
  /** Refuse the request and promise that it was not applied. */
  readonly refuse?: () => boolean;
}

export interface StandIn {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves on a port that the system chooses, or on `port`. */
export async function serveStandIn(faults: Faults = {}, port = 0): Promise<StandIn> {
  const store = new StandInStore(faults);
  const server = createServer((request, response) => {
    // A client may give up before its request is whole.
    store.answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { url: `http://127.0.0.1:${address.port}`, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

class StandInStore {
  readonly #faults: Faults;
  readonly #records = new Map<string, Stored>();
  readonly #before = new Map<string, Stored | undefined>();
  #revision = 1;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { pathname } = new URL(request.url ?? "", "http://stand-in");
    if (pathname === "/readyz") return void response.end("{}");
    if (pathname === "/v1/cluster") {
      return void response.end(JSON.stringify({ node_id: 1, leader: { id: 1 } }));
    }
    if (this.#faults.refuse?.() === true) {
      return this.#send(response, 503, { code: "no_leader", outcome: "not_applied" });
    }
    const { status, json } = this.#execute(request, pathname.slice("/v1/kv/".length), body);
    if (this.#faults.loseAnswer?.() === true) return void request.socket.destroy();
    this.#send(response, status, json);
  }

  #send(response: ServerResponse, status: number, json: object): void {
    response.writeHead(status, { "KV-Revision": String(this.#revision) });
    response.end(JSON.stringify(json));
  }

  #execute(
    request: IncomingMessage,
    key: string,
    body: string,
  ): { readonly status: number; readonly json: object } {
    const record = this.#records.get(key);
    if (request.method === "GET") {
      const seen = this.#faults.staleRead?.() === true ? this.#before.get(key) : record;
      return seen === undefined
        ? { status: 404, json: { code: "key_not_found" } }
        : { status: 200, json: { key, ...seen } };
    }
    if (request.method === "DELETE") {
      if (record !== undefined) this.#write(key, undefined, this.#revision + 1);
      return {
        status: 200,
        json: { deleted: record === undefined ? 0 : 1, revision: this.#revision },
      };
    }
    const wanted = request.headers["if-match"] ?? request.headers["if-none-match"];
    const tag = wanted === "*" ? 0 : Number(wanted?.replaceAll('"', ""));
    if (wanted !== undefined && tag !== (record?.mod ?? 0)) {
      return { status: 412, json: { code: "precondition_failed", current: record ?? null } };
    }
    const version = (record?.version ?? 0) + 1;
    this.#write(key, { value: body, mod: this.#revision + 1, version }, this.#revision + 1);
    return { status: 200, json: { key, revision: this.#revision, version } };
  }

  #write(key: string, record: Stored | undefined, revision: number): void {
    this.#revision = revision;
    if (this.#faults.dropWrite?.() === true) return;
    this.#before.set(key, this.#records.get(key));
    if (record === undefined) this.#records.delete(key);
    else this.#records.set(key, record);
  }
}

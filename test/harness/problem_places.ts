/**
 * Nodes in which each kind of refusal can be brought about: real ones, in this process, that lack
 * what the refusal is about. They are started when they are first asked for.
 */

import { changeInProgress } from "../../src/service/membership_errors.ts";
import { HttpProbe } from "./http_probe.ts";
import { RawConnection } from "./raw_connection.ts";
import { makeServerCluster, type ServedNode, type ServerCluster } from "./server_cluster.ts";
import { until } from "./wait.ts";

/** What stands behind the method and the target. */
export interface Asking {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** An answer that should be a problem. */
export interface Refused {
  /** What was asked. */
  readonly line: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** More than the disk of a test machine has free. */
const spaceLowBytes = 2 ** 40;
const json = { "Content-Type": "application/json" };

/** A body of JSON. */
export function jsonOf(value: unknown): Asking {
  return { headers: json, body: JSON.stringify(value) };
}

const portOf = (node: ServedNode): number => Number(new URL(node.url).port);

/** The bytes of a request; a Host or a Content-Length of the test's own are taken. */
function requestText(node: ServedNode, line: string, { headers = {}, body = "" }: Asking): string {
  const { host } = new URL(node.url);
  const all = { Host: host, "Content-Length": String(new Blob([body]).size), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

/** The fields of a head, by their names as they came. */
export function plainHeaders(head: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    head.split("\r\n").slice(1).map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at), line.slice(at + 1).trim()];
    }),
  );
}

/** Asks over a connection of its own. */
export async function refusalOf(
  node: ServedNode,
  line: string,
  asking: Asking = {},
): Promise<Refused> {
  const connection = new RawConnection(portOf(node));
  const { status, head, body } = await connection.send(requestText(node, line, asking)).answer();
  connection.close();
  const fields = head.split("\r\n").slice(1).map((field): [string, string] => {
    const [name = "", value = ""] = field.split(/: ?(.*)/s);
    return [name, value];
  });
  const text = new TextDecoder().decode(Uint8Array.from(body, (unit) => unit.charCodeAt(0)));
  return { line, status, headers: new Headers(fields), text };
}

/** Opens a stream, and asks while its first frame has come and it is still open. */
export async function beside<T>(
  node: ServedNode,
  stream: { readonly line: string; readonly first: string },
  ask: () => Promise<T>,
): Promise<T> {
  const connection = new RawConnection(portOf(node));
  try {
    await connection.send(requestText(node, stream.line, {})).until((text) =>
      text.includes(stream.first)
    );
    return await ask();
  } finally {
    connection.close();
  }
}

/** See the head of this file. */
export class ProblemPlaces {
  readonly #clusters: ServerCluster[] = [];
  #one: Promise<ServedNode> | undefined;
  #full: Promise<ServedNode> | undefined;
  #unformed: Promise<ServedNode> | undefined;
  #alone: ReturnType<ProblemPlaces["alone"]> | undefined;

  /** A node that leads itself, with room for one watch and one hold of a lease. */
  one(): Promise<ServedNode> {
    return this.#one ??= this.#single({});
  }

  /** A node whose disk is as good as full. */
  full(): Promise<ServedNode> {
    return this.#full ??= this.#single({ "storage.space_low_bytes": String(spaceLowBytes) });
  }

  /** A node whose cluster is not formed. */
  unformed(): Promise<ServedNode> {
    return this.#unformed ??= this.#startOneOfThree();
  }

  /** A node that has led, and lost the others over a write; and what was told of that. */
  alone(): Promise<{ readonly node: ServedNode; readonly write: Refused }> {
    return this.#alone ??= this.#loseOthers();
  }

  /** What was told of a long poll by a node that stopped. */
  async stopped(): Promise<Refused> {
    const node = await this.#single({});
    for (;;) {
      let isAnswered = false;
      const polling = refusalOf(node, "GET /v1/kv/a?wait=60s&if_none_match=0")
        .finally(() => isAnswered = true);
      // Asked at once, the question itself might have the place when the poll comes for it.
      await refusalOf(node, "GET /v1/kv/b");
      const isFull = async () =>
        isAnswered || (await refusalOf(node, "GET /v1/watch?key=a&after=1")).status === 429;
      await until(isFull, { what: "the poll to have the one place of a watch" });
      if (isAnswered) continue;
      await node.stop();
      return await polling;
    }
  }

  /** What was told of a failure inside, by the application over fakes. */
  async broken(): Promise<Refused> {
    const probe = new HttpProbe();
    probe.kv.before = () => {
      throw new TypeError("secret");
    };
    const line = "GET /v1/kv/a";
    const { status, headers, text } = await probe.ask(line);
    return { line, status, headers, text };
  }

  /** What was told of a change of members beside another one, by the application over fakes. */
  async changing(): Promise<Refused> {
    const probe = new HttpProbe();
    probe.cluster.before = () => {
      throw changeInProgress({ index: 17, joint: true });
    };
    const line = "DELETE /v1/cluster/members/3";
    const { status, headers, text } = await probe.ask(line);
    return { line, status, headers, text };
  }

  async remove(): Promise<void> {
    await Promise.all(this.#clusters.map((cluster) => cluster.remove()));
  }

  async #single(more: Readonly<Record<string, string>>): Promise<ServedNode> {
    const node = (await this.#cluster(1)).node(1);
    await node.start({ "limits.watches_max": "1", "limits.lease_holds_max": "1", ...more });
    await until(() => node.isReady(), { what: "the node to be ready" });
    return node;
  }

  async #cluster(nodes: number): Promise<ServerCluster> {
    const cluster = await makeServerCluster(nodes);
    this.#clusters.push(cluster);
    return cluster;
  }

  async #startOneOfThree(): Promise<ServedNode> {
    const node = (await this.#cluster(3)).node(1);
    await node.start();
    return node;
  }

  async #loseOthers(): ReturnType<ProblemPlaces["alone"]> {
    const cluster = await this.#cluster(3);
    await cluster.start();
    const node = await cluster.leader();
    const [first, second] = cluster.others(node);
    await first!.stop();
    const stopping = second!.stop();
    for (;;) {
      const write = await refusalOf(node, "PUT /v1/kv/a?timeout=60s");
      if (write.status < 400) continue;
      await stopping;
      const hasNoLeader = async () => (await node.cluster()).leader === null;
      await until(hasNoLeader, { what: "the leader to step down" });
      return { node, write };
    }
  }
}

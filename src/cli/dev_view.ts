/** What `dev` shows: the addresses, lines to try, and a live line on a terminal. */

import type { DevNode } from "./dev_node.ts";
import { asked } from "./dev_node.ts";
import type { Terminal } from "./terminal.ts";

/** Prints events, and on a terminal keeps one status line below them. */
export class DevView {
  readonly #terminal: Terminal;
  #statusLine = "";

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  async say(text: string): Promise<void> {
    const isLive = this.#statusLine !== "";
    await this.#terminal.write(isLive ? `${clearLine}${text}${this.#statusLine}` : text);
  }

  /** Replaces the live line; nothing where nobody is watching. */
  async show(line: string): Promise<void> {
    if (!this.#terminal.isInteractive) return;
    const fitting = line.slice(0, Math.max(0, this.#terminal.columns - 1));
    if (fitting === this.#statusLine) return;
    this.#statusLine = fitting;
    await this.#terminal.write(clearLine + fitting);
  }

  async end(): Promise<void> {
    if (this.#statusLine !== "") await this.#terminal.write(clearLine);
    this.#statusLine = "";
  }
}

const clearLine = "\r\x1b[2K";

/** A line for each node. */
export function addressesText(nodes: readonly DevNode[]): string {
  const lines = nodes.map((node) =>
    `  node ${node.id}  REST ${node.httpUrl}  gRPC ${node.rpcAddress}\n`
  );
  return lines.join("");
}

/** Each line reads and writes through another node, to show that any will do. */
export function tryText(nodes: readonly DevNode[]): string {
  const url = (at: number): string => nodes[at % nodes.length]?.httpUrl ?? "";
  return [
    "Try:\n",
    `  curl -i -X PUT --data-binary hello ${url(0)}/v1/kv/a\n`,
    `  curl ${url(1)}/v1/kv/a\n`,
    `  curl '${url(2)}/v1/kv/a?consistency=eventual'\n`,
    `  curl ${url(0)}/v1/cluster\n`,
    "For skein put, get, ls, status and the others:\n",
    `  export SKEIN_ENDPOINTS=${nodes.map(({ httpUrl }) => httpUrl).join(",")}\n`,
    `The whole interface is described at ${url(0)}/docs\n`,
  ].join("");
}

/** `leader node 2, term 5 | node 1 up, node 2 up, node 3 down | ...` */
export async function statusText(nodes: readonly DevNode[]): Promise<string> {
  const views = await Promise.all(nodes.map(async (node) => {
    const body = node.isRunning ? await asked(`${node.httpUrl}/v1/cluster`) : undefined;
    return { node, cluster: body === undefined ? undefined : clusterOf(body) };
  }));
  const newest =
    views.map(({ cluster }) => cluster).sort((a, b) => (b?.term ?? 0) - (a?.term ?? 0))[0];
  const leader = newest?.leader === undefined
    ? "no leader"
    : `leader node ${newest.leader}, term ${newest.term}`;
  const states = views.map(({ node, cluster }) =>
    `node ${node.id} ${!node.isRunning ? "down" : cluster === undefined ? "silent" : "up"}`
  );
  const hasDead = nodes.some((node) => !node.isRunning);
  const keys = hasDead ? "r restart, q quit" : "q quit";
  return `${leader} | ${states.join(", ")} | ${keys}`;
}

interface ClusterFacts {
  readonly term: number;
  readonly leader: number | undefined;
}

function clusterOf(body: string): ClusterFacts | undefined {
  try {
    const json: { readonly term?: unknown; readonly leader?: { readonly id?: unknown } | null } =
      JSON.parse(body);
    const leader = Number(json.leader?.id);
    return { term: Number(json.term), leader: Number.isInteger(leader) ? leader : undefined };
  } catch {
    return undefined;
  }
}

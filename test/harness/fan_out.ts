/**
 * Very many watchers of one node, in a process of their own, while it is written to: each sees
 * every revision once and in order; those that do not read cost the node no memory to speak of, and
 * are told everything afterwards; and other requests are answered all the while.
 */

import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { scriptCommand } from "./child.ts";
import { requestOnce } from "./http_once.ts";
import type { NodeProcess } from "./processes.ts";
import { assert } from "./test.ts";

/** How many, of what. */
export interface FanOut {
  readonly watchers: number;
  /** That read nothing until all is written. */
  readonly deaf: number;
  /** Small ones, which all watch. */
  readonly writes: number;
  /** Large ones, which the deaf alone watch. */
  readonly largeWrites: number;
}

const program = fileURLToPath(new URL("../e2e/programs/watchers.ts", import.meta.url));
const largeBytes = 1024 * 1024;
const answerWithinMs = 90_000;

/** `command` with as many open files as the system allows: each watcher is one, at both ends. */
export function withManyFiles(command: readonly string[]): readonly string[] {
  return ["sh", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$0" "$@"', ...command];
}

/** The most watchers for which there are files here, beside what a process needs anyway. */
export function watchersMax(): number {
  const { stdout } = spawnSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" });
  const files = stdout.trim();
  return files === "unlimited" ? Number.POSITIVE_INFINITY : Number(files) - 500;
}

/** One after the other, what the program prints. */
class Watchers {
  readonly #child;
  readonly #lines;

  constructor(port: number, { watchers, deaf }: FanOut) {
    const args = [port, watchers, deaf].map(String);
    const [executable = "", ...rest] = withManyFiles([...scriptCommand(program), ...args]);
    this.#child = spawn(executable, rest, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async next(): Promise<Readonly<Record<string, unknown>>> {
    const { done, value } = await this.#lines.next();
    assert.ok(done !== true, "the watchers ended");
    const told = Object(JSON.parse(value));
    assert.equal(told.failure, undefined);
    return told;
  }

  readAtLast(): void {
    this.#child.stdin.write("read\n");
  }

  kill(): void {
    if (this.#child.pid !== undefined && this.#child.exitCode === null) this.#child.kill();
  }
}

/** Asks with so much patience that a busy machine is not taken for a node that stands still. */
async function answered(method: string, keyUrl: string, body?: string): Promise<number> {
  const sent = body === undefined ? {} : { body };
  const url = `${keyUrl}?timeout=60s`;
  const answer = await requestOnce({ method, url, ...sent, withinMs: answerWithinMs });
  if (answer.kind !== "answered") throw new Error(`${url}: ${answer.kind}, ${answer.reason}`);
  assert.ok(answer.status === 200 || answer.status === 201, `${answer.status} ${answer.body}`);
  return Number(new Headers([...answer.headers]).get("kv-revision"));
}

/** What the process keeps in memory, bytes. */
function residentBytes({ pid }: NodeProcess): number {
  const { stdout } = spawnSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" });
  return Number(stdout.trim()) * 1024;
}

/** The node must have been started with {@link withManyFiles}. Throws where a promise is broken. */
export async function fanOut(node: NodeProcess, plan: FanOut): Promise<string> {
  const { watchers, deaf, writes, largeWrites } = plan;
  const watching = new Watchers(Number(new URL(node.url).port), plan);
  try {
    assert.deepEqual(await watching.next(), { open: watchers + deaf });
    const all: number[] = [];
    const small: number[] = [];
    const put = (key: string, body: string) => answered("PUT", `${node.url}/v1/kv/${key}`, body);
    const before = residentBytes(node);
    let highest = before;
    for (let at = 0; at < largeWrites; at++) {
      all.push(await put(`large/${at % 4}`, "x".repeat(largeBytes)));
      highest = Math.max(highest, residentBytes(node));
    }
    for (let at = 0; at < writes; at++) {
      small.push(await put(at === writes - 1 ? "w/last" : `w/${at % 50}`, String(at)));
      // At another key, so that it tells of the node and not of what it just answered.
      await answered("GET", `${node.url}/v1/kv/large/0`);
    }
    all.push(...small);
    assert.deepEqual(await watching.next(), { seen: [[small, watchers]] });
    watching.readAtLast();
    const written = largeWrites * largeBytes;
    const { deafBytes } = await watching.next();
    assert.ok(Number(deafBytes) < written / 2, `the deaf have read ${deafBytes} bytes`);
    let isOver = false;
    const reading = watching.next().finally(() => isOver = true);
    reading.catch(() => {});
    let reads = 0;
    for (; !isOver; reads++) await answered("GET", `${node.url}/v1/kv/w/last`);
    assert.deepEqual(await reading, { deafSeen: [[all, deaf]] });
    const grown = highest - before;
    const mebibytes = Math.round(grown / 1024 / 1024);
    // A node that keeps what is not read has a copy for each who does not.
    assert.ok(grown < deaf * written / 2, `the node has grown by ${mebibytes} MiB`);
    return `${watchers} watchers saw ${writes} revisions each, ${deaf} that did not read were ` +
      `told ${all.length} afterwards, and ${writes + reads} reads were answered meanwhile; the ` +
      `node grew by ${mebibytes} MiB while ${Math.round(written / 1024 / 1024)} MiB were written`;
  } finally {
    watching.kill();
  }
}

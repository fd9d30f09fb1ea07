/**
 * Watchers of one key, a process of its own: takes a WatchOrder as JSON in its only argument,
 * prints a WatchResult as JSON, and ends. It writes the key itself, so that one clock tells how
 * long an event was on its way.
 */

import process from "node:process";
import type { Socket } from "node:net";
import { utf8 } from "../../src/lib/bytes.ts";
import { EventCounter } from "./event_counter.ts";
import { Histogram, type LatencySummary } from "./histogram.ts";
import type { Address } from "./measurement.ts";
import { openSocket } from "./socket.ts";
import { connectRest } from "./rest_connection.ts";
import { processMemory } from "./process_memory.ts";
import { waitUntilQuiet } from "./quiet.ts";

export interface WatchOrder {
  readonly target: Address;
  readonly serverPid: number;
  readonly watchers: number;
  /** Writes, one after the other, each after the last watcher has the event of the one before. */
  readonly writes: number;
}

export interface WatchResult {
  readonly watchers: number;
  /** From sending the write: until it was answered, and until each, and the last, was told. */
  readonly answered: LatencySummary;
  readonly each: LatencySummary;
  readonly last: LatencySummary;
  /** Of the server: before the watchers came, with them in quiet, after the writes. */
  readonly memory: {
    readonly before: number;
    readonly quiet: number;
    readonly after: number;
  };
}

const key = "watched";
const openAtATime = 64;
/** Writes that come first and do not count. */
const writesBefore = 5;
const quietWithinSeconds = 60;
async function main(order: WatchOrder): Promise<WatchResult> {
  const { target, watchers, serverPid } = order;
  const memory = (): number => processMemory(serverPid).residentBytes;
  await waitUntilQuiet([serverPid], quietWithinSeconds);
  const before = memory();
  const told = new Deliveries(watchers);
  for (let opened = 0; opened < watchers; opened += openAtATime) {
    const length = Math.min(openAtATime, watchers - opened);
    await Promise.all(Array.from({ length }, () => openWatch(target, () => told.one())));
  }
  await waitUntilQuiet([serverPid], quietWithinSeconds);
  const quiet = memory();
  const histograms = await writeAndWait(order, told);
  await waitUntilQuiet([serverPid], quietWithinSeconds);
  return { watchers, ...histograms, memory: { before, quiet, after: memory() } };
}

/** The arrivals of one event at all watchers. */
class Deliveries {
  readonly #watchers: number;
  #sentMs = 0;
  #times: number[] = [];
  #done: (() => void) | undefined;

  constructor(watchers: number) {
    this.#watchers = watchers;
  }

  one(): void {
    this.#times.push(performance.now() - this.#sentMs);
    if (this.#times.length === this.#watchers) this.#done?.();
  }

  /** To be called before the write; resolves with the ms until each was told, rising. */
  next(): Promise<readonly number[]> {
    this.#sentMs = performance.now();
    this.#times = [];
    return new Promise((resolve) => this.#done = () => resolve(this.#times));
  }
}

async function writeAndWait(
  { target, writes }: WatchOrder,
  told: Deliveries,
): Promise<Pick<WatchResult, "answered" | "each" | "last">> {
  let failure: string | undefined;
  let answer: (() => void) | undefined;
  const host = `${target.host}:${target.port}`;
  const head = `PUT /v1/kv/${key} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 256\r\n\r\n`;
  const requests = [utf8(head + "v".repeat(256))];
  const connection = await connectRest({ target, requests, isGood: () => true }, {
    answered: (_client, why) => {
      failure ??= why;
      answer?.();
    },
  });
  const [answered, each, last] = [new Histogram(), new Histogram(), new Histogram()];
  for (let write = -writesBefore; write < writes; write++) {
    const answering = new Promise<number>((resolve) => {
      const sentMs = performance.now();
      answer = () => resolve(performance.now() - sentMs);
    });
    const telling = told.next();
    connection.send(0, 0);
    const [answeredMs, times] = await Promise.all([answering, telling]);
    if (failure !== undefined) throw new Error(`The write failed: ${failure}`);
    if (write < 0) continue;
    answered.record(answeredMs * 1_000);
    for (const ms of times) each.record(ms * 1_000);
    last.record((times.at(-1) ?? 0) * 1_000);
  }
  return { answered: answered.summary(), each: each.summary(), last: last.summary() };
}

/** Resolves when the watch is ready. A watch that ends ends the process. */
async function openWatch(target: Address, onEvent: () => void): Promise<Socket> {
  const socket = await openSocket(target);
  const counter = new EventCounter();
  let isReady = false;
  return await new Promise((resolve, reject) => {
    socket.on("data", (piece) => {
      const text = piece.toString();
      if (!isReady && text.includes("event: ready")) {
        isReady = true;
        resolve(socket);
      }
      for (let events = counter.count(text); events > 0; events--) onEvent();
    });
    const lost = (): void => {
      reject(new Error("A watch was refused"));
      if (isReady) throw new Error("A watch has ended");
    };
    socket.on("close", lost);
    const host = `${target.host}:${target.port}`;
    socket.write(`GET /v1/watch?key=${key} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  });
}

if (import.meta.main) {
  const order: WatchOrder = JSON.parse(process.argv[2] ?? "");
  console.log(JSON.stringify(await main(order)));
  process.exit(0);
}

/**
 * Grows a store from one number of keys to a larger one, by `POST /v1/batch`. The new keys come in
 * random order, which is the worst for a tree: each goes to a page of its own.
 */

import { Prng } from "../../src/lib/prng.ts";
import { pause } from "../../test/harness/wait.ts";
import { keyText } from "./calls.ts";
import type { Address } from "./measurement.ts";
import { processorUs } from "./processor_time.ts";
import { keyBytes, valueBytes } from "./workloads.ts";

export interface Growth {
  readonly keys: number;
  readonly seconds: number;
  /** Of all servers together. */
  readonly serverCpuUs: number | undefined;
}

const batchKeys = 1_000;
/** Under way at a time. */
const batches = 4;
const textPoolLength = 65_536;
/** Overloaded, without a leader, or not in time: what may be done already is done again. */
const again: readonly number[] = [429, 503, 504];
/** A batch comes again so often. */
const attemptsMax = 100;
const restMs = 100;

/** Puts the keys from number `from` to number `to`, exclusive. */
export async function growStore(order: {
  readonly target: Address;
  readonly from: number;
  readonly to: number;
  readonly seed: number;
  readonly serverPids: readonly number[];
}): Promise<Growth> {
  const { target, from, to, seed, serverPids } = order;
  const prng = new Prng(seed + from);
  const numbers = shuffled(from, to, prng);
  const pool = textPool(prng);
  const startMs = performance.now();
  const cpuBefore = processorUs(serverPids);
  let next = 0;
  const putNext = async (): Promise<void> => {
    while (next < numbers.length) {
      const portion = numbers.subarray(next, next + batchKeys);
      next += portion.length;
      await post(target, batchText(portion, pool, prng));
    }
  };
  await Promise.all(Array.from({ length: batches }, putNext));
  const cpuAfter = processorUs(serverPids);
  const isKnown = cpuBefore !== undefined && cpuAfter !== undefined;
  return {
    keys: numbers.length,
    seconds: (performance.now() - startMs) / 1_000,
    serverCpuUs: isKnown ? cpuAfter - cpuBefore : undefined,
  };
}

/** The numbers from `from` to `to`, exclusive, each once, in random order (Fisher and Yates). */
export function shuffled(from: number, to: number, prng: Pick<Prng, "below">): Uint32Array {
  const numbers = Uint32Array.from({ length: to - from }, (_, at) => from + at);
  for (let at = numbers.length - 1; at > 0; at--) {
    const other = prng.below(at + 1);
    const number = numbers[at]!;
    numbers[at] = numbers[other]!;
    numbers[other] = number;
  }
  return numbers;
}

/** Values are slices of it: to draw each byte of each would take longer than to store them. */
function textPool(prng: Prng): string {
  const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  return Array.from({ length: textPoolLength }, () => letters[prng.below(letters.length)]).join("");
}

function batchText(numbers: Uint32Array, pool: string, prng: Prng): string {
  const items = Array.from(numbers, (number) => {
    const at = prng.below(textPoolLength - valueBytes);
    const value = pool.slice(at, at + valueBytes);
    return `{"put":{"key":"${keyText(number, keyBytes)}","value":"${value}"}}`;
  });
  return `[${items.join(",")}]`;
}

async function post({ host, port }: Address, body: string): Promise<void> {
  const headers = { "Content-Type": "application/json" };
  for (let attempt = 1;; attempt++) {
    const url = `http://${host}:${port}/v1/batch`;
    const answer = await fetch(url, { method: "POST", headers, body });
    const text = await answer.text();
    if (answer.status === 200) return;
    if (!again.includes(answer.status) || attempt === attemptsMax) {
      throw new Error(`A batch was answered ${answer.status}: ${text.slice(0, 300)}`);
    }
    await pause(restMs);
  }
}

/**
 * Clients that go away before they are answered. Whatever waits for them gives its place up, so
 * that nobody can hold the places of others by asking and leaving.
 */

import type { RequestOptions } from "./contract.ts";
import { type Outcome, ServiceError } from "./errors.ts";

type Signal = RequestOptions["signal"];

/** Until when a request waits, and for whom. */
export interface Waited {
  /** Of the monotonic clock. */
  readonly deadlineMs: number;
  readonly signal: Signal;
}

/** What ends the work for a client that nobody can tell any more. */
export function clientGone(outcome?: Outcome): ServiceError {
  return new ServiceError("timeout", "The client went away before it was answered", { outcome });
}

/**
 * Most waits are over sooner: listening to a client costs a sixth of what a small read costs, and
 * is worth it for those only that last.
 */
const listenAfterMs = 20;

/** What begins to listen when that time is over, for all waits that began meanwhile. */
const young = new Set<() => void>();
let isTimed = false;

function listenLater(listen: () => void): void {
  young.add(listen);
  if (isTimed) return;
  isTimed = true;
  setTimeout(listenNow, listenAfterMs);
}

function listenNow(): void {
  isTimed = false;
  const due = [...young];
  young.clear();
  for (const listen of due) listen();
}

/**
 * Calls `run` once when the client goes, or soon when it is gone already. The returned function
 * forgets that: to be called as soon as nothing waits any more.
 */
export function whenGone(signal: Signal, run: () => void): () => void {
  if (signal === undefined) return () => {};
  const listen = (): void => {
    if (signal.aborted) run();
    else signal.addEventListener("abort", run, { once: true });
  };
  listenLater(listen);
  return () => {
    if (!young.delete(listen)) signal.removeEventListener("abort", run);
  };
}

/**
 * What `ask` is told; rejects with {@link clientGone} of `outcome` when the client goes before.
 * `ask` returns how its question is taken back, which does nothing where it cannot be.
 */
export function unlessGone<T>(
  options: { readonly signal: Signal; readonly outcome: Outcome | undefined },
  ask: (tell: (told: T) => void) => () => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let isTold = false;
    let forget = (): void => {};
    const takeBack = ask((told) => {
      isTold = true;
      forget();
      resolve(told);
    });
    if (isTold) return;
    forget = whenGone(options.signal, () => {
      takeBack();
      reject(clientGone(options.outcome));
    });
  });
}

/** Locks and elections. */

import type { Contend } from "../../kv/command.ts";
import type { ContestHolder } from "../../kv/query.ts";
import type { Revision } from "../../kv/record.ts";
import type { ContestDone, Result } from "../../kv/result.ts";
import type { Header, RequestOptions, WriteOptions } from "./requests.ts";

/** How a request for a lock or an election ended, or stands until it has waited. */
export interface Contending {
  readonly result: Result;
  readonly header: Header;
  /**
   * Others came first, and there is time to wait; or it held when this was first asked, and whether
   * it still does has to be settled. Whoever is given it closes it.
   */
  readonly place: ContestPlace | undefined;
}

/** A place among those who contend for a name, for one request. */
export interface ContestPlace {
  /** Returns when the place is the first, or that is past hope, or the time is up. */
  wait(patience: { readonly ms: number }): Promise<void>;
  /**
   * Whether the place has become the first. If not, it is given up, which is decided in the order
   * of the log. `lease_not_found` where its lease has ended meanwhile.
   */
  settle(
    options: RequestOptions,
  ): Promise<{ readonly result: ContestDone; readonly header: Header }>;
  /** Gives up what {@link settle} has not answered: nobody wants it any more. */
  close(): Promise<void>;
}

/** What an election tells to those who follow it. */
export type ElectionFrame =
  /** Who leads now, and with which value. */
  | { readonly kind: "leader"; readonly leader: ContestHolder; readonly revision: Revision }
  | { readonly kind: "vacant"; readonly revision: Revision }
  /** Nothing has changed in the given time, up to this revision of the store. */
  | { readonly kind: "progress"; readonly revision: Revision }
  /** The end: the node shuts down, or {@link OpenElection.close} was called. */
  | { readonly kind: "closing" };

/** An election that is followed: for one reader, who closes it. */
export interface OpenElection {
  /** What is now, and then each time what has changed; after `ms` without that `progress`. */
  next(patience: { readonly ms: number }): Promise<ElectionFrame>;
  close(): void;
}

/** Locks and elections, as far as they wait, asked through this node. */
export interface ContestService {
  /**
   * Contends; with `queue` in the operation the answer may be a place to wait in.
   * `too_many_watches` where too much waits on this node.
   */
  contend(contend: Contend, options: WriteOptions): Promise<Contending>;
  follow(
    name: Uint8Array,
    options: RequestOptions,
  ): Promise<{ readonly election: OpenElection; readonly header: Header }>;
}

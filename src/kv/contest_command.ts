/**
 * Locks and elections as commands. Both are contests: whoever came first of those that contend for
 * a name holds it, the others stand behind in the order of the log, and each contestant hangs on a
 * lease, with which it goes.
 */

import type { LeaseId, Revision } from "./record.ts";

/** What is contended for: a name of one area says nothing about the same name of the other. */
export type ContestArea = "lock" | "election";

/** A name is 1 … this many bytes. */
export const contestNameBytesMax = 1_024;
/** What the holder of a lock calls itself has at most this many bytes. */
export const lockOwnerBytesMax = 1_024;
/** The value of an election has at most this many bytes. */
export const electionValueBytesMax = 64 * 1_024;
/** So many may contend for one name, the holder among them. */
export const contestantsMax = 1_000;

/** Which contest. */
export interface Contested {
  readonly area: ContestArea;
  readonly name: Uint8Array;
}

/**
 * Makes a contestant of a lease, unless it is one already: then it keeps its place and its token,
 * and takes the new value. Whoever asks again takes the contestant over (see {@link Leave.asked}).
 */
export interface Contend extends Contested {
  readonly kind: "contend";
  /** The owner of a lock, the value of an election. */
  readonly value: Uint8Array;
  /** The contestant goes when this lease ends. Either this or `ttlMs`. */
  readonly lease?: LeaseId;
  /** A private lease of this length: it ends when the contestant leaves. */
  readonly ttlMs?: number;
  /** Stand behind those who came before; otherwise nothing happens where there is one. */
  readonly queue: boolean;
}

/** The contestant goes, whether it holds or waits. */
export interface Leave extends Contested {
  readonly kind: "leave";
  /** The revision that made the contestant. */
  readonly token: Revision;
  /** It stays where it holds by now. */
  readonly onlyWaiting: boolean;
  /**
   * It stays where it was asked for again since this revision: then somebody else counts on it. A
   * value that was proclaimed since counts as well.
   */
  readonly asked?: Revision;
}

/** The leader of an election sets its value. Nothing happens where `token` does not lead. */
export interface Proclaim {
  readonly kind: "proclaim";
  readonly name: Uint8Array;
  readonly token: Revision;
  readonly value: Uint8Array;
}

export type ContestOperation = Contend | Leave | Proclaim;

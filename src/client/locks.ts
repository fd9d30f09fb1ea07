/** Locks as values of this client. */

import type { JsonObject } from "./members.ts";
import { percentEncoded } from "./paths.ts";
import { numberMember, optionalText, textMember } from "./records.ts";

/** A lock that somebody holds. */
export interface HeldLock {
  /** For fencing: higher than that of every holder before. */
  readonly token: number;
  /** The lock goes with this lease. */
  readonly lease: string;
  /** What the holder calls itself. */
  readonly owner: string | undefined;
}

/** The path of a lock: its name is one segment. */
export function lockPath(name: string): string {
  return `/v1/locks/${percentEncoded(name)}`;
}

/** What acquiring a lock, and looking at it, answer. */
export function heldLockOf(json: JsonObject): HeldLock {
  return {
    token: numberMember(json, "token"),
    lease: textMember(json, "lease"),
    owner: optionalText(json, "owner"),
  };
}

/**
 * Who could lead next, by what a leader knows of its peers. While leadership is handed over nothing
 * is proposed (thesis §3.10): handed to who cannot take it, the cluster takes no writes for an
 * election timeout, and has won nothing.
 *
 * Not decided here: who may vote, and so be elected (raft/configuration.ts).
 */

import type { ProgressMode } from "./progress.ts";
import type { Index, NodeId } from "./types.ts";

/** What of a peer decides. */
export interface Heir {
  readonly id: NodeId;
  readonly mode: ProgressMode;
  readonly match: Index;
  /** When it was heard last, in the core's ms. */
  readonly heardMs: number;
  /** Only an image of the store helps it. */
  readonly wantsSnapshot: boolean;
}

/** What a leader measures its peers by. */
export interface HeirMeasure {
  readonly nowMs: number;
  /** Who was silent for longer is likely to be down. */
  readonly silentMsMax: number;
  readonly commitIndex: Index;
}

/** Why a peer could not take over now. */
export type HeirFlaw = "targetSilent" | "targetNeedsSnapshot" | "targetBehind";

/** How many committed entries a target may lack: it gets them within an election timeout. */
export const transferEntriesMax = 10_000;

/** What stands against a peer; undefined where it could take over. */
export function heirFlaw(heir: Heir, measure: HeirMeasure): HeirFlaw | undefined {
  if (measure.nowMs - heir.heardMs > measure.silentMsMax) return "targetSilent";
  // It could not campaign.
  if (heir.mode === "snapshot" || heir.wantsSnapshot) return "targetNeedsSnapshot";
  // Until it has answered a new leader, nobody knows.
  const isBehind = heir.match > 0 && measure.commitIndex - heir.match > transferEntriesMax;
  return isBehind ? "targetBehind" : undefined;
}

/** Of those that could, who holds most of the log; of equals, who was heard last. */
export function bestHeir(heirs: readonly Heir[], measure: HeirMeasure): NodeId | undefined {
  const able = heirs.filter((heir) => heirFlaw(heir, measure) === undefined);
  able.sort((a, b) => b.match - a.match || b.heardMs - a.heardMs);
  return able[0]?.id;
}

/** What all the changes of one revision have in common. */

import { type ChangeHead, type ChangeTimes } from "./change.ts";
import type { Revision } from "./record.ts";
import { nextRevision } from "./revisions.ts";

/** Shared by all the changes of a revision. */
export interface Stamp extends ChangeTimes {
  /** The one after the store's, which becomes the store's with the first change. */
  readonly revision: Revision;
}

/** For the revision after the store's. */
export function stampAfter(
  store: { readonly revision: Revision },
  { timeMs, wallMs }: ChangeTimes,
): Stamp {
  return { revision: nextRevision(store.revision), timeMs, wallMs };
}

/** The key was changed in the revision that is being made: it may not be changed in it again. */
export function isChangedIn(stamp: Stamp, head: ChangeHead | undefined): boolean {
  return head?.revision === stamp.revision;
}

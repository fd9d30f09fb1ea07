/**
 * The changes of one key form a chain from the newest back. Reading a key as it was at some
 * revision walks it, and a key that was written a million times must not cost a million steps. So
 * every {@link stride}-th change of a key is a milestone: all others skip to the milestone before
 * them, and milestones skip among each other in the pattern of skew-binary numbers (Myers, "An
 * applicative random-access stack", 1983), which reaches any depth in a logarithm of steps.
 *
 * An index of (key, number) would do the same and cost a second random write with every update;
 * links cost nothing but their bytes, except one read or two at each milestone.
 *
 * Chain numbers are compared before they are followed: a link is followed only to a change above
 * the one that is looked for, so links into what compaction has removed are harmless.
 */

import type { ChangeLink, ChangeNumber } from "./change.ts";

/** Milestones stand this far apart: the steps that a walk takes at most between two of them. */
const stride = 16;

/** Reads a change's link; undefined when compaction has removed it. */
export type ReadLink = (number: ChangeNumber) => ChangeLink | undefined;

/** The links of a change that follows `head`, the newest change of its key. */
export function chainAfter(
  head: ChangeLink | undefined,
  readLink: ReadLink,
): Pick<ChangeLink, "previous" | "skip" | "depth"> {
  if (head === undefined) return { previous: 0, skip: 0, depth: 1 };
  const depth = head.depth + 1;
  const milestoneBefore = head.depth % stride === 0 ? head.number : head.skip;
  const skip = depth % stride === 0
    ? milestoneSkip(depth / stride, milestoneBefore, readLink)
    : milestoneBefore;
  return { previous: head.number, skip, depth };
}

/** Where milestone `ordinal` (from 1) skips to, given the milestone before it. */
function milestoneSkip(ordinal: number, before: ChangeNumber, readLink: ReadLink): ChangeNumber {
  if (skewTarget(ordinal) === ordinal - 1) return before;
  // In a skew-binary pattern the target is either the neighbour or the neighbour's target's target.
  const neighbour = before === 0 ? undefined : readLink(before);
  const middle = neighbour === undefined || neighbour.skip === 0
    ? undefined
    : readLink(neighbour.skip);
  return middle?.skip ?? 0;
}

/** `ordinal` without the lowest digit of its skew-binary form, whose digits weigh 2^k − 1. */
export function skewTarget(ordinal: number): number {
  let weight = 1;
  while (weight * 2 + 1 <= ordinal) weight = weight * 2 + 1;
  let rest = ordinal;
  for (;;) {
    if (rest === weight) return ordinal - weight;
    if (rest > weight) rest -= weight;
    else weight = (weight - 1) / 2;
  }
}

/**
 * The number of the newest change at or below `through` in the chain behind `head`, which is above
 * it; 0 when there is none. That change may be compacted only if it is a deletion. `readLink` is
 * told which change leads to the one that it is to read: only a later one does.
 */
export function changeAtOrBelow(
  head: ChangeLink,
  through: ChangeNumber,
  readLink: (number: ChangeNumber, later: ChangeNumber) => ChangeLink,
): ChangeNumber {
  let at = head;
  for (;;) {
    const next = at.skip > through ? at.skip : at.previous;
    if (next <= through) return next;
    // Above `through` nothing is ever compacted away.
    at = readLink(next, at.number);
  }
}

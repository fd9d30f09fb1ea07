/** Which versions of the peer protocol a node speaks. */

/** From the oldest to the newest one, both included. */
export interface ProtocolRange {
  readonly oldest: number;
  readonly newest: number;
}

/**
 * Of this program. The newest is raised whenever a node of the version before it could misread what
 * is sent; the oldest when there is nobody left that speaks no other.
 */
export const spokenProtocols: ProtocolRange = { oldest: 1, newest: 1 };

/** In which version two nodes talk: the newest that both speak; undefined where there is none. */
export function sharedProtocol(ours: ProtocolRange, theirs: ProtocolRange): number | undefined {
  const newest = Math.min(ours.newest, theirs.newest);
  return newest >= Math.max(ours.oldest, theirs.oldest) ? newest : undefined;
}

/** "2", or "1 to 3". */
export function protocolText({ oldest, newest }: ProtocolRange): string {
  return oldest === newest ? String(newest) : `${oldest} to ${newest}`;
}

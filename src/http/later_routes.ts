/**
 * Paths that belong to later versions. They are refused by name, so that who reads
 * about them elsewhere need not look for a slip of their own.
 */

/** Each stands for itself and for everything behind it. */
const laterPaths = ["/metrics"] as const;

/** Whether a later version answers at `path`, which is not routed now. */
export function isLaterPath(path: string): boolean {
  return laterPaths.some((later) => path === later || path.startsWith(`${later}/`));
}

/**
 * Paths and methods that belong to later versions. They are refused by name, so that who reads
 * about them elsewhere need not look for a slip of their own.
 */

/** Each stands for itself and for everything behind it. */
const laterPaths = [
  "/v1/cluster/members",
  "/v1/snapshot",
  "/v1/snapshots",
  "/metrics",
] as const;

/** Methods of paths that are there already. */
const laterMethods: readonly (readonly [path: string, methods: readonly string[]])[] = [
  ["/v1/cluster/members", ["POST"]],
];

/** Whether a later version answers at `path`, which is not routed now. */
export function isLaterPath(path: string): boolean {
  return laterPaths.some((later) => path === later || path.startsWith(`${later}/`));
}

/** Whether a later version takes `method` at `path`, which is routed now. */
export function isLaterMethod(method: string, path: string): boolean {
  return laterMethods.some(([later, methods]) => path === later && methods.includes(method));
}

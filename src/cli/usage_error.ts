/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The command failed for a reason that its message says in full: exit code 1. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

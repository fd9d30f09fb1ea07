/** What is wrong with a configuration, in words that let a person put it right. */

/** One thing that is wrong. */
export interface ConfigProblem {
  /** The key, e.g. `raft.election_timeout_min_ms` or `peers[1].addr`; empty for the whole file. */
  readonly path: string;
  /** Where the value came from: `skein.yaml:7`, a variable, a flag. */
  readonly origin: string;
  /** A sentence without its full stop; names the value and what is allowed. */
  readonly message: string;
}

/** Stops the start. Its message holds every problem, one a line. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
}

/** The problem as one line. */
export function formatProblem({ origin, message }: ConfigProblem): string {
  return origin === "" ? message : `${origin}: ${message}`;
}

/** A value as it stands in a message, cut where it is long. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

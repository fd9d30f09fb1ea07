/** A planted bug: a mistake that real implementations made, as changes of our own source. */

/** One change of one file. */
export interface Patch {
  /** From the root of the repository. */
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

/** A mistake that the simulator has to catch, alone and with its default options. */
export interface Mutant {
  /** `M1` …, as in the list of mistakes; a letter behind it where one mistake can be made twice. */
  readonly id: string;
  /** One sentence. */
  readonly what: string;
  /** In this order, each on what the ones before it have left. */
  readonly patches: readonly Patch[];
  /** The invariants that may break; "assertion" where production code may end first. */
  readonly expected: readonly string[];
}

/** A mistake that the simulator is not asked to catch. */
export interface Unplanted {
  readonly id: string;
  readonly what: string;
  readonly reason: string;
}

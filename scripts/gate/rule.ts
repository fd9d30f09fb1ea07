/** What a house rule is. */

import type { SourceFile } from "./sources.ts";
import type { Comment, Token } from "./tokens.ts";

/** A file with everything that the rules look at. */
export interface ParsedFile extends SourceFile {
  readonly lines: readonly string[];
  readonly tokens: readonly Token[];
  readonly comments: readonly Comment[];
}

export interface Finding {
  readonly line: number;
  readonly message: string;
}

export interface Rule {
  readonly name: string;
  readonly check: (file: ParsedFile) => readonly Finding[];
}

/** Which files the gate looks at, and how it names what it finds. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** One file, as text. `path` is relative to the root of the repository, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** A rule that a place breaks. `rule` is a short name, `message` says what and what is allowed. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

/** `file:line: message (rule)`, the form that editors make a link of. */
export function formatViolation(violation: Violation): string {
  return `${violation.path}:${violation.line}: ${violation.message} (${violation.rule})`;
}

const skippedFolders: ReadonlySet<string> = new Set([
  "node_modules",
  "dist",
  "testdata",
  "fixtures",
]);

/** Every file below the given folders whose name ends in one of `endings`, sorted by path. */
export function findFiles(
  root: string,
  folders: readonly string[],
  endings: readonly string[],
): readonly string[] {
  const found: string[] = [];
  const waiting = folders.map((folder) => join(root, folder)).filter((path) => existsSync(path));
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!skippedFolders.has(entry.name) && !entry.name.startsWith(".")) waiting.push(path);
      } else if (endings.some((ending) => entry.name.endsWith(ending))) {
        found.push(relative(root, path).split(sep).join("/"));
      }
    }
  }
  return found.sort();
}

/** The folders that hold TypeScript. */
export const codeFolders: readonly string[] = ["src", "routes", "scripts", "test"];

/** All TypeScript of the repository, generated files included. */
export function readSources(root: string): readonly SourceFile[] {
  return findFiles(root, codeFolders, [".ts"]).map((path) => ({
    path,
    text: readFileSync(join(root, path), "utf8"),
  }));
}

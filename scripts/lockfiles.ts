/**
 * Checks that deno.lock, for those who have only Deno, pins the packages of package-lock.json: the
 * same versions with the same checksums. Without a difference it prints one line and ends with 0.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const renewal = "deno install --lock=deno.lock --frozen=false --lockfile-only";

/** The checksum of every `name@version`. */
type Pins = ReadonlyMap<string, string>;

/** What the two texts pin differently, a line each. */
export function differences(texts: { readonly npm: string; readonly deno: string }): string[] {
  const [npm, deno] = [npmPins(texts.npm), denoPins(texts.deno)];
  return [...new Set([...npm.keys(), ...deno.keys()])].sort().flatMap((name) => {
    if (npm.get(name) === deno.get(name)) return [];
    if (!deno.has(name)) return [`${name} stands in package-lock.json alone`];
    if (!npm.has(name)) return [`${name} stands in deno.lock alone`];
    return [`${name} has another checksum in deno.lock than in package-lock.json`];
  });
}

function npmPins(text: string): Pins {
  const packages = Object.entries(member(JSON.parse(text), "packages"));
  // The empty path is this package itself.
  return new Map(
    packages.filter(([path]) => path !== "").map(([path, pinned]) => {
      const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
      return [`${name}@${Reflect.get(pinned, "version")}`, integrityOf(pinned)];
    }),
  );
}

function denoPins(text: string): Pins {
  const packages = Object.entries(member(JSON.parse(text), "npm"));
  // Behind an underscore stand the peers that a package was resolved with.
  return new Map(
    packages.map(([key, pinned]) => [
      /^@?[^@]+@[^_]+/.exec(key)?.[0] ?? key,
      integrityOf(pinned),
    ]),
  );
}

function integrityOf(pinned: object): string {
  return String(Reflect.get(pinned, "integrity"));
}

function member(json: unknown, name: string): Readonly<Record<string, object>> {
  const value: unknown = typeof json === "object" && json !== null ? Reflect.get(json, name) : json;
  if (typeof value === "object" && value !== null) return { ...value };
  throw new Error(`A lockfile has no ${name}`);
}

if (import.meta.main) {
  const root = join(fileURLToPath(import.meta.url), "..", "..");
  const read = (name: string): string => readFileSync(join(root, name), "utf8");
  const found = differences({ npm: read("package-lock.json"), deno: read("deno.lock") });
  for (const line of found) console.error(line);
  if (found.length > 0) console.error(`lockfiles: to renew deno.lock, run ${renewal}`);
  else console.log("lockfiles: both pin the same");
  process.exit(found.length > 0 ? 1 : 0);
}

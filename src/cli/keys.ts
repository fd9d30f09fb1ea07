/**
 * Keys on the command line. A word of it is text, so that a key of other bytes is given in
 * base64url, by an option whose name ends in 64; and what is shown can be given back.
 */

import { keyBytesMax } from "../client/paths.ts";
import { base64url, fromBase64url, strictText, utf8 } from "../lib/bytes.ts";
import type { Arguments } from "./arguments.ts";
import type { CommandContext } from "./command.ts";
import type { Option } from "./option.ts";
import { operandsOf } from "./remote.ts";
import { UsageError } from "./usage_error.ts";

/** `--NAME64` beside what `place` is given by. */
export function key64Option(name: "key" | "prefix" | "start" | "end", place: string): Option {
  return {
    name: `${name}64`,
    value: "BASE64URL",
    description: `instead of ${place}: its bytes, where they are no text`,
  };
}

/** KEY, or `--key64` instead of it, and the operands behind. */
export function keyOf(
  context: CommandContext,
  behind: readonly string[] = [],
): { readonly key: Uint8Array; readonly operands: readonly string[] } {
  const coded = coded64(context.args, "key");
  if (coded !== undefined) {
    return { key: checked(coded, "--key64", 1), operands: operandsOf(context, behind) };
  }
  const [key = "", ...operands] = operandsOf(context, ["KEY", ...behind]);
  return { key: checked(utf8(key), "KEY", 1), operands };
}

/** The bytes of `--NAME`, or of `--NAME64`; undefined where neither is given. */
export function boundOf(args: Arguments, name: "prefix" | "start" | "end"): Uint8Array | undefined {
  const coded = coded64(args, name);
  const text = args.text(name);
  if (text === undefined) return coded && checked(coded, `--${name}64`, 0);
  if (coded === undefined) return checked(utf8(text), `--${name}`, 0);
  throw new UsageError(`--${name} and --${name}64 contradict each other`);
}

/** PREFIX, or `--prefix64` instead of it; undefined where neither is given. */
export function prefixOf(context: CommandContext): Uint8Array | undefined {
  const { args } = context;
  if (args.operands.length > 0) operandsOf(context, args.has("prefix64") ? [] : ["PREFIX"]);
  const [prefix] = args.operands;
  return prefix === undefined ? boundOf(args, "prefix") : checked(utf8(prefix), "PREFIX", 0);
}

/** Too long a key would make a URL of which nothing sensible is said, or none at all. */
function checked(bytes: Uint8Array, place: string, bytesMin: number): Uint8Array {
  const { length } = bytes;
  if (length >= bytesMin && length <= keyBytesMax) return bytes;
  throw new UsageError(`${place} has ${length} bytes; allowed are ${bytesMin} to ${keyBytesMax}`);
}

function coded64(args: Arguments, name: string): Uint8Array | undefined {
  const text = args.text(`${name}64`);
  if (text === undefined) return undefined;
  const bytes = fromBase64url(text);
  if (bytes !== undefined) return bytes;
  throw new UsageError(`--${name}64 is ${JSON.stringify(text)}; allowed is base64url`);
}

/** As a word of a command line: as it is, or as the option that takes it. */
export function shownKey(key: Uint8Array, name: "key" | "prefix" = "key"): string {
  const text = strictText(key);
  const isPlain = text !== undefined && !/^-|[\p{C}\uFFFD]/u.test(text);
  return isPlain ? text : `--${name}64=${base64url(key)}`;
}

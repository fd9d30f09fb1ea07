/** Reads proto/ into protobufjs' reflection objects. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import protobuf from "protobufjs";
import { findFiles } from "../gate/sources.ts";

export interface ProtoFile {
  /** Relative to proto/: what other files import it by. */
  readonly name: string;
  readonly package: string;
  readonly imports: readonly string[];
  /** Messages, enums and services that the file itself declares, nested ones left out. */
  readonly declared: readonly protobuf.ReflectionObject[];
}

export interface Protos {
  readonly root: protobuf.Root;
  /** Sorted by name. */
  readonly files: readonly ProtoFile[];
}

/** `keepCase`: fields are named as in the files (snake_case) instead of as in JavaScript. */
export function loadProtos(repository: string, keepCase: boolean): Protos {
  const root = new protobuf.Root();
  const files: ProtoFile[] = [];
  for (const path of findFiles(repository, ["proto"], [".proto"])) {
    const name = path.slice("proto/".length);
    const text = readFileSync(join(repository, path), "utf8");
    const parsed = protobuf.parse(text, root, { keepCase });
    const packageName = parsed.package;
    if (packageName === undefined) throw new Error(`${path} declares no package`);
    const known = new Set(files.flatMap((file) => file.declared));
    const space = root.lookup(packageName);
    if (!(space instanceof protobuf.Namespace)) throw new Error(`${path} declares nothing`);
    const declared = space.nestedArray.filter((nested) => isDeclaration(nested, known));
    files.push({ name, package: packageName, imports: parsed.imports ?? [], declared });
  }
  root.resolveAll();
  return { root, files };
}

/** A package's objects belong to the file whose parsing made them appear. */
function isDeclaration(
  object: protobuf.ReflectionObject,
  known: ReadonlySet<protobuf.ReflectionObject>,
): boolean {
  if (known.has(object)) return false;
  return object instanceof protobuf.Type || object instanceof protobuf.Enum ||
    object instanceof protobuf.Service;
}

/** The full name without the leading dot. */
export function fullName(object: protobuf.ReflectionObject): string {
  return object.fullName.slice(1);
}

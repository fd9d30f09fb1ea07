/**
 * Generates from proto/ what the program needs of it, so that no user's machine needs a compiler:
 * the schema from which protobufjs makes its codecs, the messages' TypeScript shapes, and the
 * descriptors that server reflection hands out. `--check` writes nothing and fails when a generated
 * file is stale.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type FileDescriptor, fileDescriptors } from "./protos/descriptors.ts";
import { loadProtos, type Protos } from "./protos/load.ts";
import { typeDeclarations } from "./protos/types.ts";

const repository = join(dirname(fileURLToPath(import.meta.url)), "..");
const notice = "// Generated from proto/ by scripts/proto.ts. Do not edit.\n\n";

/** Paths and contents of all generated files. */
export function generate(): ReadonlyMap<string, string> {
  const protos = loadProtos(repository, false);
  return new Map([
    ["src/grpc/schema.gen.ts", schemaModule(protos)],
    ["src/grpc/wire.gen.ts", notice + typeDeclarations(protos)],
    ["src/grpc/descriptors.gen.ts", descriptorsModule(loadProtos(repository, true))],
  ]);
}

function schemaModule(protos: Protos): string {
  // The fields' names in the files are of no use at run time.
  const leaveOut = (key: string, value: unknown): unknown =>
    key === "protoName" ? undefined : value;
  const json = JSON.stringify(protos.root.toJSON(), leaveOut, 1);
  return `${notice}export const schema = ${json};\n`;
}

function descriptorsModule(protos: Protos): string {
  const shape = "{\n  readonly name: string;\n  readonly imports: readonly string[];\n" +
    "  readonly symbols: readonly string[];\n" +
    "  /** A google.protobuf.FileDescriptorProto, in base64. */\n" +
    "  readonly descriptor: string;\n}";
  const files = fileDescriptors(protos).map(descriptorLiteral).join(",\n");
  return `${notice}export interface DescriptorFile ${shape}\n\n` +
    `export const descriptorFiles: readonly DescriptorFile[] = [\n${files},\n];\n`;
}

function descriptorLiteral(file: FileDescriptor): string {
  const descriptor = Buffer.from(file.bytes).toString("base64");
  const { name, imports, symbols } = file;
  return JSON.stringify({ name, imports, symbols, descriptor }, undefined, 1);
}

function main(check: boolean): number {
  let stale = 0;
  for (const [path, text] of generate()) {
    const file = join(repository, path);
    if (existsSync(file) && readFileSync(file, "utf8") === text) continue;
    stale += 1;
    if (check) console.error(`${path} is stale; run: bun scripts/proto.ts`);
    else {
      writeFileSync(file, text);
      console.log(`wrote ${path}`);
    }
  }
  if (stale === 0) console.log("proto: generated files are fresh");
  return check && stale > 0 ? 1 : 0;
}

if (import.meta.main) process.exit(main(process.argv.includes("--check")));

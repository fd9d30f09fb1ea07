/** Versions below these have known holes that one malformed request can use. */

import { existsSync, readFileSync } from "node:fs";
import { assert, describe, it } from "../../harness/test.ts";

const modules = new URL("../../../node_modules/", import.meta.url);

function versionOf(path: string): readonly number[] {
  const text = readFileSync(new URL(`${path}/package.json`, modules), "utf8");
  const { version }: { readonly version: string } = JSON.parse(text);
  return version.split(".").map(Number);
}

function atLeast(version: readonly number[], floor: readonly number[]): boolean {
  const different = floor.findIndex((part, at) => version[at] !== part);
  return different < 0 || (version[different] ?? 0) > (floor[different] ?? 0);
}

describe("the libraries at the gRPC edge", () => {
  it("grpc-js has the fixes of CVE-2026-48068, -48069 and -101916", () => {
    assert.ok(atLeast(versionOf("@grpc/grpc-js"), [1, 14, 5]));
  });

  it("protobufjs has those of CVE-2026-44288, -44291 and -44294, in every copy", () => {
    assert.ok(atLeast(versionOf("protobufjs"), [8, 0, 2]));
    // What grpc-js brings along for itself.
    const own = "@grpc/proto-loader/node_modules/protobufjs";
    if (existsSync(new URL(own, modules))) assert.ok(atLeast(versionOf(own), [7, 6, 2]));
  });
});

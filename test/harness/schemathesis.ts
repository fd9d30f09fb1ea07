/**
 * Schemathesis, which makes requests from openapi/openapi.yaml and holds the answers against it, in
 * the version that test/e2e/programs/schemathesis pins. It is fetched like other foreign tools.
 */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { absent, cache, failureOf, found, mayDownload, root, type Tool } from "./foreign_tools.ts";

const folder = join(root, "test/e2e/programs/schemathesis");
const pins = join(folder, "requirements.txt");

/** Ready for the arguments of `schemathesis`; the hooks of the folder are loaded with it. */
export function schemathesis(): Tool {
  if (found(["python3"], ["--version"]) === undefined) {
    return { kind: "absent", reason: "there is no python3 here" };
  }
  const hash = createHash("sha256").update(readFileSync(pins)).digest("hex").slice(0, 12);
  const home = join(cache, `schemathesis-${hash}`);
  const python = join(home, "venv/bin/python3");
  // Python would write beside the hooks what it has compiled of them.
  const command = ["env", "PYTHONDONTWRITEBYTECODE=1", "SCHEMATHESIS_HOOKS=hooks"];
  const ready: Tool = {
    kind: "ready",
    command: [...command, `PYTHONPATH=${folder}`, join(home, "venv/bin/schemathesis")],
  };
  if (existsSync(join(home, "complete"))) return ready;
  if (!mayDownload) return absent("schemathesis is not here");
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const reason = failureOf(["python3", "-m", "venv", join(home, "venv")]) ??
    failureOf([python, "-m", "pip", "install", "--quiet", "--no-deps", "-r", pins]);
  if (reason !== undefined) return { kind: "absent", reason };
  writeFileSync(join(home, "complete"), "");
  return ready;
}

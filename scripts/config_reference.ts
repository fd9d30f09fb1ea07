/**
 * Writes docs/CONFIGURATION.md from the configuration's schema; with `--check` only says whether
 * the page is fresh.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { renderConfigReference } from "../src/config/reference.ts";

const page = join(dirname(fileURLToPath(import.meta.url)), "..", "docs", "CONFIGURATION.md");

function current(): string | undefined {
  try {
    return readFileSync(page, "utf8");
  } catch {
    return undefined;
  }
}

const wanted = renderConfigReference();
if (process.argv.includes("--check")) {
  if (current() !== wanted) {
    console.error("docs/CONFIGURATION.md is stale: run bun scripts/config_reference.ts");
    process.exit(1);
  }
} else {
  mkdirSync(dirname(page), { recursive: true });
  writeFileSync(page, wanted);
}

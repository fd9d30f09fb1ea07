/**
 * Writes openapi/openapi.yaml from the routes; with `--check` only tells whether it is fresh (exit
 * code 1 when it is stale).
 */

import { readFileSync, writeFileSync } from "node:fs";
import { Document, visit } from "yaml";
import { allRoutes } from "../routes/mod.ts";
import { buildDocument } from "../src/http/openapi.ts";

const root = new URL("../", import.meta.url);
const target = new URL("openapi/openapi.yaml", root);

export function renderDocument(): string {
  const { version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
  const document = buildDocument(allRoutes(version), version);
  const header = "# Generated from routes/ by scripts/openapi.ts. Do not edit.\n";
  // Aliases would be shorter and harder to read, and not every tool resolves them.
  const yaml = new Document(document, { aliasDuplicateObjects: false, compat: "yaml-1.1" });
  // In YAML 1.1, which many tools still read, an equals sign alone is no text.
  visit(yaml, {
    Scalar(_key, scalar) {
      if (scalar.value === "=") scalar.type = "QUOTE_DOUBLE";
    },
  });
  return header + yaml.toString({ lineWidth: 100 });
}

function storedDocument(): string {
  try {
    return readFileSync(target, "utf8");
  } catch {
    return "";
  }
}

if (import.meta.main) {
  const rendered = renderDocument();
  if (!process.argv.includes("--check")) {
    writeFileSync(target, rendered);
  } else if (storedDocument() !== rendered) {
    console.error("openapi/openapi.yaml is stale, run: bun scripts/openapi.ts");
    process.exit(1);
  }
}

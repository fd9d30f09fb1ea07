/**
 * Builds dist/skein: the whole program in one file that needs nothing beside it. Bun's compiler
 * does it on every platform; Deno's is tried after it and skipped, with the reason, where it cannot
 * (it downloads its base binary from a host of its own). With `--outfile PATH` only Bun's is built,
 * there.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import denoFlags from "../src/runtime/deno/run_flags.json" with { type: "json" };

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");
const bin = join(root, "node_modules", ".bin");

const outfile = process.argv[process.argv.indexOf("--outfile") + 1];
if (process.argv.includes("--outfile") && outfile !== undefined) buildWithBun(outfile);
else {
  mkdirSync(dist, { recursive: true });
  buildWithBun(join(dist, "skein"));
  buildWithDeno(join(dist, "skein-deno"));
}

/** The worker is an entry of its own: one that is not listed would never start in the binary. */
function buildWithBun(output: string): void {
  rmSync(output, { force: true });
  execFileSync(process.versions["bun"] === undefined ? join(bin, "bun") : process.execPath, [
    ...["build", "--compile", "--minify-syntax", "--minify-whitespace"],
    ...["--define", `SKEIN_COMMIT=${JSON.stringify(commit())}`],
    ...["--outfile", output, "src/main_bun.ts", "src/worker_bun.ts"],
  ], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  report(output);
}

function buildWithDeno(output: string): void {
  const deno = join(bin, "deno");
  if (!existsSync(deno)) return skip("deno is not installed");
  rmSync(output, { force: true });
  const built = spawnSync(deno, [
    ...["compile", "--no-check", ...denoFlags],
    ...["--include", "src/worker_deno.ts", "--output", output, "src/main_deno.ts"],
  ], { cwd: root, encoding: "utf8", timeout: 120_000 });
  if (built.status === 0) report(output);
  else skip(reasonOf(built.stderr));
}

/** What Deno says, from its error to the innermost cause, without colours and backtrace. */
function reasonOf(output: string): string {
  // deno-lint-ignore no-control-regex
  const plain = output.replace(/\x1b\[[0-9;]*m/g, "");
  const [told = ""] = plain.slice(Math.max(0, plain.indexOf("error: "))).split("Stack backtrace:");
  const lines = told.split("\n").map((line) => line.replace(/^(error: |\s*\d+: )/, "").trim());
  return lines.filter((line) => line !== "" && line !== "Caused by:").join("; ");
}

function skip(reason: string): void {
  console.log(`dist/skein-deno skipped: ${reason}`);
}

function report(path: string): void {
  const version = execFileSync(path, ["version"], { encoding: "utf8" }).trim();
  const mebibytes = (statSync(path).size / 2 ** 20).toFixed(0);
  console.log(`${relative(root, path)}: ${version}, ${mebibytes} MiB`);
}

/** The commit that is built; marked when the tree holds something else. */
function commit(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync("git", args, {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      })
        .trim();
    const isClean = git("status", "--porcelain", "--untracked-files=no") === "";
    return `${git("rev-parse", "--short=12", "HEAD")}${isClean ? "" : "-modified"}`;
  } catch {
    return "unknown";
  }
}

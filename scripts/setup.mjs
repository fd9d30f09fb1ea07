#!/usr/bin/env node
// Brings a machine that has only Node's npm, or only Bun, to where everything runs: the dependencies,
// Bun and Deno, at the versions that the lockfiles pin, both runtimes as real binaries in
// node_modules/.bin. Repeats nothing that already stands.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const denoHome = join(root, "scripts", "runtimes", "deno");
const binFolder = join(root, "node_modules", ".bin");
const stampFile = join(root, "node_modules", ".skein-setup");
const quiet = process.argv.includes("--quiet");

const stamp = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .update(readFileSync(join(denoHome, "package-lock.json")))
  .digest("hex");
const done = existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp &&
  existsSync(join(binFolder, "bun")) && existsSync(join(binFolder, "deno"));
if (!done) install();
if (!quiet) { for (const name of ["bun", "deno"]) say(`${name} ${version(name)}`); }

function install() {
  say("Installing the pinned dependencies and runtimes (once; again only when a lockfile changes)");
  // Install scripts stay off: the one that is needed (Bun's, which moves its binary into place) is
  // called by name, unless Bun installed and has done that itself.
  installPackages(root);
  if (!runs(join(binFolder, "bun"))) {
    execFileSync(process.execPath, ["install.js"], {
      cwd: join(root, "node_modules", "bun"),
      stdio: "inherit",
    });
  }
  installPackages(denoHome);
  const packages = join(denoHome, "node_modules", "@deno");
  const [platform] = existsSync(packages) ? readdirSync(packages) : [];
  if (platform === undefined) {
    fail(`no Deno binary for ${process.platform} ${process.arch} in the registry`);
  }
  link("deno", join(packages, platform, process.platform === "win32" ? "deno.exe" : "deno"));
  for (const name of ["bun", "deno"]) version(name);
  writeFileSync(stampFile, stamp);
}

/**
 * With npm where there is one. Who has only Bun runs this file under it ("bun start" does), and then
 * Bun installs, from the same lockfile.
 */
function installPackages(folder) {
  const isBun = process.versions.bun !== undefined;
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  if (!isBun || runs(npm)) run(folder, npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
  else run(folder, process.execPath, ["install", "--ignore-scripts", "--no-save"]);
}

function runs(program) {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function run(folder, program, args) {
  // npm's own settings arrive as npm_* variables when npm itself called us; those of this package
  // must not leak.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle)_/i.test(name)),
  );
  execFileSync(program, args, { cwd: folder, env, stdio: "inherit" });
}

/** A link to the binary itself, not a wrapper: a signal sent to the process reaches the runtime. */
function link(name, target) {
  mkdirSync(binFolder, { recursive: true });
  const path = join(binFolder, name);
  rmSync(path, { force: true });
  symlinkSync(relative(binFolder, target), path);
}

function version(name) {
  try {
    const said = execFileSync(join(binFolder, name), ["--version"], { encoding: "utf8" });
    return said.split("\n")[0].replace(`${name} `, "");
  } catch (error) {
    return fail(`${name} does not run: ${error.message}`);
  }
}

function say(line) {
  console.log(`setup: ${line}`);
}

function fail(reason) {
  console.error(`setup: ${reason}`);
  process.exit(1);
}

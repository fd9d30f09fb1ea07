#!/usr/bin/env node
// Starts the program under Bun, or under Deno with SKEIN_RUNTIME=deno, at the versions that the
// lockfiles pin. Passes signals on to it and its exit code back.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { isatty } from "node:tty";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const starts = {
  bun: () => [join(root, "src", "main_bun.ts")],
  deno: () => {
    const flags = readFileSync(join(root, "src", "runtime", "deno", "run_flags.json"), "utf8");
    return ["run", ...JSON.parse(flags), join(root, "src", "main_deno.ts")];
  },
};

const name = process.env.SKEIN_RUNTIME || "bun";
if (!Object.hasOwn(starts, name)) {
  fail(`SKEIN_RUNTIME is ${JSON.stringify(name)}; allowed is bun or deno`, 2);
}
const program = join(root, "node_modules", ".bin", name);
if (!existsSync(program)) {
  fail(`${name} is not installed here; run "npm run setup" in ${root} first`, 1);
}

const child = spawn(program, [...starts[name](), ...process.argv.slice(2)], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    // A terminal sends it to the whole process group, also where standard input is another; twice
    // would mean "at once" to the child.
    if (signal === "SIGINT" && [0, 1, 2].some((stream) => isatty(stream))) return;
    child.kill(signal);
  });
}
child.on("error", (error) => fail(`${program} does not start: ${error.message}`, 1));
child.on("exit", (code, signal) => {
  process.exit(signal === null ? code : 128 + constants.signals[signal]);
});

function fail(reason, code) {
  console.error(`error: ${reason}`);
  process.exit(code);
}

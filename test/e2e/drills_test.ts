/**
 * The drills of docs/OPERATIONS.md, run from their own text, but for the ports: each in an empty
 * folder, on the cluster that the page begins with. The gate runs each once: every second one on
 * Bun, the others on Deno. SKEIN_DRILLS=10 runs each so many times on the runtime of the test.
 */

import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { programEnvironment } from "../harness/environment.ts";
import { freeBasePort } from "../harness/ports.ts";
import { buildCommand } from "../harness/processes.ts";
import { runtimeName } from "../harness/runtime.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { assert, describe, it } from "../harness/test.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const manual = readFileSync(join(root, "docs/OPERATIONS.md"), "utf8");
const inGate = process.env["SKEIN_DRILLS"] === undefined;
const times = inGate ? 1 : Number(process.env["SKEIN_DRILLS"]);
// Deno's spawnSync hands on what `env` leaves out, and no node knows that variable.
delete process.env["SKEIN_DRILLS"];
const drillMs = 120_000;

/** The insides of the fenced blocks of a language in a part of the page, in their order. */
function blocks(text: string, language: string): readonly string[] {
  const found = text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"));
  return [...found].map(([, inside = ""]) => inside);
}

const [beginning = "", ...sections] = manual.split(/^### Drill: /m);

const needed = ["curl", "perl", "sh", "seq"].filter((name) =>
  spawnSync(name, name === "sh" ? ["-c", ":"] : ["--version"]).error !== undefined
);
const skip = needed.length === 0 ? false : `there is no ${needed.join(", ")} here`;

/** One folder with the program in it, and whatever the lines start there. */
class Place {
  readonly #folder: string;
  readonly #base: number;

  constructor(folder: string, base: number) {
    this.#folder = folder;
    this.#base = base;
    const program = join(folder, "skein");
    const words = buildCommand(runtimeName).map((word) => `'${word}'`).join(" ");
    writeFileSync(program, `#!/bin/sh\nexec ${words} "$@"\n`);
    chmodSync(program, 0o755);
    for (const block of blocks(beginning, "yaml")) {
      const [, name] = /^# (\S+\.yaml)\n/.exec(block) ?? [];
      assert.ok(name !== undefined, `A file without a name:\n${block}`);
      writeFileSync(join(folder, name), this.#moved(block));
    }
  }

  run(block: string): void {
    const lines = this.#moved(block);
    const { status, stdout, stderr } = spawnSync("sh", ["-e", "-c", lines], {
      cwd: this.#folder,
      encoding: "utf8",
      timeout: drillMs,
      env: {
        ...programEnvironment(),
        PATH: `${this.#folder}:${process.env["PATH"] ?? ""}`,
        SKEIN_ENDPOINTS: `127.0.0.1:${this.#base}`,
      },
    });
    if (status === 0) return;
    throw new Error(`${lines}\nended with ${status}\n${stdout}${stderr}\n${this.#logs()}`);
  }

  /** Nothing is left behind. */
  end(): void {
    for (const name of readdirSync(this.#folder).filter((each) => each.endsWith(".pid"))) {
      try {
        process.kill(Number(readFileSync(join(this.#folder, name), "utf8")), "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
  }

  #moved(text: string): string {
    return text.replace(/\b74(\d\d)\b/g, (_, offset) => String(this.#base + Number(offset)));
  }

  #logs(): string {
    return readdirSync(this.#folder).filter((name) => name.endsWith(".log")).map((name) => {
      const lines = readFileSync(join(this.#folder, name), "utf8").trimEnd().split("\n");
      return lines.slice(-8).map((line) => `${name} | ${line}`).join("\n");
    }).join("\n");
  }
}

describe(
  `the drills of the manual on ${runtimeName}`,
  { skip, timeout: drillMs * 3 * times },
  () => {
    it("are there", () => assert.ok(sections.length >= 12, `${sections.length} drills`));

    it("end where a removal had come to pass before its answer was lost", () => {
      const loops = manual.match(/until skein member remove .*/g) ?? [];
      assert.ok(loops.length > 0);
      // As a command that finds no such member.
      for (const loop of loops) {
        const lines = `skein() { return 3; }; sleep() { exit 9; }; ${loop}`;
        assert.equal(spawnSync("sh", ["-e", "-c", lines]).status, 0, loop);
      }
    });

    for (const [at, section] of sections.entries()) {
      if (inGate && (at % 2 === 0) !== (runtimeName === "bun")) continue;
      const [title = ""] = section.split("\n");
      for (let time = 1; time <= times; time++) {
        it(times === 1 ? title : `${title}, time ${time}`, async () => {
          using temp = makeTempDir("drill");
          const place = new Place(temp.path, await freeBasePort(5));
          try {
            for (const block of [...blocks(beginning, "sh"), ...blocks(section, "sh")]) {
              place.run(block);
            }
          } finally {
            place.end();
          }
        });
      }
    }
  },
);

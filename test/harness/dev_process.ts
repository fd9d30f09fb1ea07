/** `skein dev` as a person runs it: real processes, in a process group of their own. */

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { programEnvironment } from "./environment.ts";
import { until } from "./wait.ts";

/** Whether the process is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export interface DevOptions {
  /** The program and its arguments, `dev` and what follows it included. */
  readonly command: readonly string[];
  /** Where it runs. */
  readonly cwd: string;
  /** What it was told, or left to mean `skein-dev` in `cwd`. */
  readonly dataDir: string;
  readonly basePort: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** As {@link steadyLeader}, for whoever configures by the environment. */
export const steadyLeaderEnvironment = {
  SKEIN_RAFT__ELECTION_TIMEOUT_MIN_MS: "3000",
  SKEIN_RAFT__ELECTION_TIMEOUT_MAX_MS: "4500",
};

/** A running `skein dev` of three nodes, with a leader that stays. */
export class DevProcess {
  readonly #options: DevOptions;
  readonly #child: ChildProcess;
  /** Standard output and standard error. */
  said = "";
  /** How it ended; undefined while it runs. */
  ended: { readonly code: number | null; readonly signal: string | null } | undefined;

  constructor(options: DevOptions) {
    this.#options = options;
    const [program = "", ...args] = options.command;
    // Detached: of a process group of its own, as a shell starts what Ctrl-C shall end.
    this.#child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...programEnvironment(), ...steadyLeaderEnvironment, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk) => this.said += String(chunk));
    }
    this.#child.once("exit", (code, signal) => this.ended = { code, signal });
    this.#child.once("error", (error) => {
      this.said += error.message;
      this.ended = { code: null, signal: null };
    });
  }

  url(node: number): string {
    return `http://127.0.0.1:${this.#options.basePort + 10 * (node - 1)}`;
  }

  /** Of the node's own process, as it stands in its folder; undefined while it is down. */
  pid(node: number): number | undefined {
    const file = join(this.#options.dataDir, `node-${node}`, "pid");
    return existsSync(file) ? Number(readFileSync(file, "utf8")) : undefined;
  }

  /** Waits until it says `text`. */
  async says(text: string): Promise<void> {
    const isThere = (): boolean => {
      if (this.said.includes(text)) return true;
      if (this.ended !== undefined) throw new Error(`It ended: ${this.said}`);
      return false;
    };
    await until(isThere, { what: `skein dev to say ${JSON.stringify(text)}` });
  }

  /** Ctrl-C: SIGINT to everything in the group. Resolves once `skein dev` itself has ended. */
  async interrupt(): Promise<void> {
    this.#signalGroup("SIGINT");
    await until(() => this.ended, { what: "the end of skein dev" });
  }

  /** For the end of a test, whatever became of it. */
  async kill(): Promise<void> {
    this.#signalGroup("SIGKILL");
    await until(() => this.ended, { what: "the end of skein dev" });
  }

  #signalGroup(signal: "SIGINT" | "SIGKILL"): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // Nobody of it is left.
    }
  }
}

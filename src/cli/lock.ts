/** `lock NAME -- COMMAND`: runs a command while it holds a lock. */

import { type ChildProcess, spawn } from "node:child_process";
import { constants, hostname } from "node:os";
import process from "node:process";
import { AnswerError, UnreachableError } from "../client/errors.ts";
import { KeptLease } from "../client/kept_lease.ts";
import { leaseGivenOf, leasePath } from "../client/leases.ts";
import { type HeldLock, heldLockOf, lockPath } from "../client/locks.ts";
import { queryString } from "../client/paths.ts";
import { parseJson } from "../client/records.ts";
import { utf8 } from "../lib/bytes.ts";
import type { Command, CommandContext } from "./command.ts";
import { connect, type Remote, remoteOptions } from "./remote.ts";
import { reportError } from "./report.ts";
import { UsageError } from "./usage_error.ts";

/** Skein's own failures, so that they are not mistaken for the command's. */
const failedCode = 125;
const notExecutableCode = 126;
const notFoundCode = 127;
const signalCodeBase = 128;

/** Of a lock. */
const nameBytesMax = 1024;
const ttlDefaultMs = 15_000;
/** The longest that one request waits. */
const waitMsMax = 60_000;
const callMsDefault = 5_000;
const pauseMs = 500;
/** A command that has to end because its lock is lost is killed when it takes longer. */
const endMs = 10_000;

export const lock: Command = {
  name: "lock",
  summary: "Run a command while holding a lock, and release it afterwards",
  operands: "NAME -- COMMAND [ARGUMENT...]",
  options: [
    {
      name: "ttl",
      value: "DURATION",
      description: "the lock is lost so long after this machine has vanished (default 15s)",
      variable: true,
    },
    {
      name: "wait",
      value: "DURATION",
      description: "give up when it is held by others for so long (default: never)",
      variable: true,
    },
    { name: "owner", value: "TEXT", description: "who holds it, for people", variable: true },
    ...remoteOptions.filter(({ name }) => name !== "output"),
  ],
  example: "skein lock deploy --wait 1m -- ./deploy.sh",
  async run(context) {
    const task = taskOf(context);
    try {
      return await new LockedRun(context, task).run();
    } catch (error) {
      reportError(error, context.terminal);
      return failedCode;
    }
  },
};

type Signal = "SIGINT" | "SIGTERM" | "SIGHUP";

interface Task {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly owner: string;
}

function taskOf({ args }: CommandContext): Task {
  const [name, program, ...rest] = args.operands;
  if (name === undefined) throw new UsageError("NAME is missing");
  checkName(name);
  if (program === undefined) throw new UsageError("COMMAND is missing, it stands behind --");
  return {
    ...{ name, program, args: rest },
    ttlMs: args.duration("ttl") ?? ttlDefaultMs,
    waitMs: args.duration("wait") ?? Infinity,
    owner: args.text("owner") ?? `${hostname()}:${process.pid}`,
  };
}

/** URL parsers fold a path of `.` and `..`, and a router finds nothing where the name is empty. */
function checkName(name: string): void {
  const { length } = utf8(name);
  if (length >= 1 && length <= nameBytesMax && name !== "." && name !== "..") return;
  const is = length > nameBytesMax ? `has ${length} bytes` : `is ${JSON.stringify(name)}`;
  throw new UsageError(`NAME ${is}; allowed are 1 to ${nameBytesMax} bytes other than . and ..`);
}

/** One command under one lock. */
class LockedRun {
  readonly #context: CommandContext;
  readonly #remote: Remote;
  readonly #task: Task;
  /** With the signal that wants it to end. */
  readonly #interrupted = Promise.withResolvers<Signal>();
  #child: ChildProcess | undefined;

  constructor(context: CommandContext, task: Task) {
    this.#context = context;
    this.#remote = connect(context);
    this.#task = task;
  }

  async run(): Promise<number> {
    const forget = this.#context.runtime.onSignal((signal) => this.#interrupt(signal));
    // Elsewhere a hang-up may end the program as it stands; here the command would run on without
    // its lock, which would stay taken for the rest of its lease.
    const hangUp = (): void => this.#interrupt("SIGHUP");
    process.on("SIGHUP", hangUp);
    try {
      const granted = this.#grant();
      granted.catch(() => {});
      // What is granted after all ends by itself: whoever gives up does not wait for the time-out.
      const lease = await Promise.race([granted, this.#interrupted.promise]);
      if (typeof lease === "string") return signalCode(lease);
      try {
        return await this.#runUnder(lease);
      } finally {
        await this.#revoke(lease.id);
      }
    } finally {
      process.off("SIGHUP", hangUp);
      forget();
    }
  }

  /** The lock hangs on a lease of its own, which is asked for again as often as it takes. */
  async #grant(): Promise<{ readonly id: string; readonly aliveUntilMs: number }> {
    const { ttlMs } = this.#task;
    const askedMs = performance.now();
    const answer = await this.#remote.ask({
      kind: "write",
      method: "POST",
      target: "/v1/leases",
      headers: { "content-type": "application/json" },
      body: utf8(JSON.stringify({ ttl: `${ttlMs}ms` })),
      once: { key: undefined },
    });
    const { id } = leaseGivenOf(parseJson(answer.body));
    return { id, aliveUntilMs: askedMs + ttlMs };
  }

  async #runUnder(
    { id, aliveUntilMs }: { readonly id: string; readonly aliveUntilMs: number },
  ): Promise<number> {
    const keeper = new KeptLease({
      keepAlive: () => this.#keepAlive(id),
      onTrouble: (error) => this.#warn(error),
    }, aliveUntilMs);
    keeper.start();
    const lost = Promise.withResolvers<never>();
    lost.promise.catch(() => {});
    keeper.over.catch(lost.reject);
    const acquired = this.#acquire(id);
    acquired.catch(() => {});
    try {
      const held = await Promise.race([acquired, lost.promise, this.#interrupted.promise]);
      if (typeof held === "string") return signalCode(held);
      return await this.#command(held, lost.promise);
    } finally {
      keeper.stop();
    }
  }

  async #keepAlive(id: string): Promise<{ readonly ttlMs: number }> {
    const answer = await this.#remote.ask({
      kind: "write",
      method: "POST",
      target: `${leasePath(id)}/keepalive`,
      once: { key: undefined },
    });
    return leaseGivenOf(parseJson(answer.body));
  }

  async #acquire(lease: string): Promise<HeldLock> {
    const { name, owner, waitMs } = this.#task;
    const untilMs = performance.now() + waitMs;
    const body = utf8(JSON.stringify({ lease, owner }));
    for (;;) {
      const leftMs = Math.max(1, Math.min(waitMsMax, Math.round(untilMs - performance.now())));
      try {
        // The same lease asking again gets the same token: nothing is lost with an answer.
        const answer = await this.#remote.ask({
          kind: "write",
          method: "POST",
          target: lockPath(name) + queryString({ wait: `${leftMs}ms` }),
          headers: { "content-type": "application/json" },
          body,
          timeoutMs: leftMs + (this.#remote.timeoutMs ?? callMsDefault),
        });
        return heldLockOf(parseJson(answer.body));
      } catch (error) {
        if (!isWorthRepeating(error) || performance.now() >= untilMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }

  /** The command's own exit code; skein's, when it had to be ended because the lock was lost. */
  async #command({ token, lease }: HeldLock, lost: Promise<never>): Promise<number> {
    const { program, args, name } = this.#task;
    const { terminal } = this.#context;
    const child = begin(program, args, {
      ...this.#context.runtime.environment(),
      SKEIN_LOCK_NAME: name,
      SKEIN_LOCK_TOKEN: String(token),
      SKEIN_LOCK_LEASE: lease,
    });
    this.#child = child;
    const ended = endOf(child, (reason) => terminal.warn(`error: ${program}: ${reason}`));
    try {
      return await Promise.race([ended, lost]);
    } catch (error) {
      send(child, "SIGTERM");
      const timer = setTimeout(() => send(child, "SIGKILL"), endMs);
      await ended.catch(() => {});
      clearTimeout(timer);
      throw error;
    }
  }

  /** A terminal tells its whole foreground of Ctrl-C: the command has heard of it already. */
  #interrupt(signal: Signal): void {
    this.#interrupted.resolve(signal);
    if (signal === "SIGINT" && this.#context.terminal.isInteractive) return;
    if (this.#child !== undefined) send(this.#child, signal);
  }

  /** The lease ends by itself where this is not done. */
  async #revoke(id: string): Promise<void> {
    try {
      const target = leasePath(id);
      await this.#remote.ask({ kind: "write", method: "DELETE", target, once: { key: undefined } });
    } catch (error) {
      if (!(error instanceof AnswerError && error.code === "lease_not_found")) this.#warn(error);
    }
  }

  #warn(error: unknown): void {
    this.#context.terminal.warn(`warning: ${error instanceof Error ? error.message : error}`);
  }
}

function isWorthRepeating(error: unknown): boolean {
  if (error instanceof UnreachableError) return true;
  if (!(error instanceof AnswerError)) return false;
  return error.code === "locked" || error.retryable || error.outcome === "unknown";
}

/** A script without a first line that names its shell is one of sh, as execvp(3) has it. */
function begin(program: string, args: readonly string[], env: Environment): ChildProcess {
  const options = { stdio: "inherit", env } as const;
  try {
    return spawn(program, [...args], options);
  } catch (error) {
    // Bun throws it; Deno goes on with the shell by itself.
    if (!(error instanceof Error && "code" in error && error.code === "ENOEXEC")) throw error;
    return spawn("/bin/sh", [program, ...args], options);
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Not `child.kill`: Deno takes that for the end, whatever the command does about it. */
function send({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

/** As a shell tells of a program that a signal has ended. */
function signalCode(signal: NodeJS.Signals): number {
  return signalCodeBase + constants.signals[signal];
}

/** The exit code; a program that does not start is told of as a shell does. */
function endOf(child: ChildProcess, warn: (reason: string) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      const known = startErrors.get(error.code);
      if (known === undefined) return reject(error);
      warn(known.reason);
      resolve(known.exitCode);
    });
    child.on("exit", (code, signal) => {
      resolve(signal === null ? code ?? signalCodeBase : signalCode(signal));
    });
  });
}

interface StartError {
  readonly exitCode: number;
  readonly reason: string;
}

const startErrors: ReadonlyMap<string | undefined, StartError> = new Map([
  ["ENOENT", { exitCode: notFoundCode, reason: "there is no such program" }],
  ["EACCES", { exitCode: notExecutableCode, reason: "it may not be executed" }],
]);

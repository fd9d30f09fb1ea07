/**
 * Many watchers of one node in one process: `watchers.ts PORT COUNT DEAF`. COUNT of them watch what
 * is written under `w/` and read at once; DEAF of them watch everything and read nothing, until
 * they are told to by a line on standard input. Each reads until `w/last` changes.
 *
 * It prints `{"open":N}` when all have begun, `{"seen":[[revisions],watchers]…}` when all but the
 * deaf are done, `{"deafBytes":N}` with what those have read until they are told, and
 * `{"deafSeen":…}` at the end. What goes wrong is `{"failure":"…"}`.
 */

import process from "node:process";
import { RawWatch } from "../../harness/raw_watch.ts";

const [port = 0, count = 0, deaf = 0] = process.argv.slice(2).map(Number);
const lastKey = "w/last";
/** So many connections are opened at a time: more than a backlog of them would be refused. */
const opening = 64;

function say(told: unknown): void {
  process.stdout.write(`${JSON.stringify(told)}\n`);
}

interface Opened {
  readonly watch: RawWatch;
  /** It has seen the last change. */
  readonly done: Promise<void>;
}

function open(target: string): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const done = Promise.withResolvers<void>();
    const watch = new RawWatch({ port, target, lastKey }, {
      ready: () => resolve({ watch, done: done.promise }),
      over(failure) {
        if (failure === undefined) return done.resolve();
        const error = new Error(failure);
        reject(error);
        done.reject(error);
      },
    });
    done.promise.catch(() => {});
  });
}

async function openMany(target: string, howMany: number): Promise<readonly Opened[]> {
  const opened: Opened[] = [];
  let begun = 0;
  const oneAfterTheOther = async (): Promise<void> => {
    while (begun++ < howMany) opened.push(await open(target));
  };
  await Promise.all(Array.from({ length: opening }, oneAfterTheOther));
  return opened;
}

/** What was seen, and by how many: all the same where all is well. */
function seenBy(
  watches: readonly (readonly number[])[],
): readonly (readonly [readonly number[], number])[] {
  const counts = new Map<string, number>();
  for (const revisions of watches) {
    const seen = revisions.join();
    counts.set(seen, (counts.get(seen) ?? 0) + 1);
  }
  return [...counts].slice(0, 10).map(([seen, many]) => [seen.split(",").map(Number), many]);
}

/**
 * What a deaf one sees once it reads. The node gives those up that take nothing for minutes: who
 * was goes on behind what it has seen.
 */
async function seenAtLast({ watch, done }: Opened): Promise<readonly number[]> {
  try {
    await done;
    return watch.revisions;
  } catch {
    const next = await open(`/v1/watch?after=${watch.last}`);
    await next.done;
    return [...watch.revisions, ...next.watch.revisions];
  }
}

async function main(): Promise<void> {
  const watches = await openMany("/v1/watch?prefix=w/", count);
  const slow = await openMany("/v1/watch", deaf);
  for (const { watch } of slow) watch.pause();
  say({ open: watches.length + slow.length });
  await Promise.all(watches.map(({ done }) => done));
  say({ seen: seenBy(watches.map(({ watch }) => watch.revisions)) });
  await new Promise((resolve) => process.stdin.once("data", resolve));
  say({ deafBytes: Math.max(0, ...slow.map(({ watch }) => watch.bytesRead)) });
  for (const { watch } of slow) watch.resume();
  say({ deafSeen: seenBy(await Promise.all(slow.map(seenAtLast))) });
}

try {
  await main();
} catch (error) {
  say({ failure: error instanceof Error ? error.message : String(error) });
}
process.exit(0);

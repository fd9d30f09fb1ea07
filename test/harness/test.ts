/**
 * The one import point for the test runner: node:test and node:assert run alike under Bun and
 * Deno. What a file of tests registers while it is loaded by `test_files.ts` is kept until that
 * hands it to the runner; else it goes there at once.
 */

import * as runner from "node:test";

export { strict as assert } from "node:assert";

/** What the runners of both runtimes know. */
export interface TestOptions {
  /** Whether the test is left out, or why. */
  readonly skip?: boolean | string;
  /** In milliseconds. */
  readonly timeout?: number;
}

/** What a test is handed. */
export interface RunningTest {
  /** From now on the test counts as left out; it goes on all the same. */
  skip(why: string): void;
}

type Suite = () => void;
type Body = (test: RunningTest) => void | Promise<void>;
type Hook = () => void | Promise<void>;
type Registration = () => void;

/** Of the file that is being loaded. */
let kept: Registration[] | undefined;

function register(registration: Registration): void {
  if (kept === undefined) registration();
  else kept.push(registration);
}

/** A test, with options or without. */
export function it(name: string, ...of: [Body] | [TestOptions, Body]): void {
  const [options, body] = of.length === 1 ? [{}, of[0]] : of;
  register(() => void runner.it(name, options, body));
}

/** A suite of tests, with options or without. */
export function describe(name: string, ...of: [Suite] | [TestOptions, Suite]): void {
  const [options, suite] = of.length === 1 ? [{}, of[0]] : of;
  register(() => void runner.describe(name, options, suite));
}

/** Before the first test of the suite, or of the file. */
export function before(hook: Hook, options: Pick<TestOptions, "timeout"> = {}): void {
  register(() => runner.before(hook, options));
}

/** After the last test of the suite, or of the file. */
export function after(hook: Hook): void {
  register(() => runner.after(hook));
}

/** Before each test of the suite, or of the file. */
export function beforeEach(hook: Hook): void {
  register(() => runner.beforeEach(hook));
}

/** After each test of the suite, or of the file. */
export function afterEach(hook: Hook): void {
  register(() => runner.afterEach(hook));
}

/** What `load` registers outside of any suite, in order; the runner is not told of it. */
export async function keepRegistrations(
  load: () => Promise<unknown>,
): Promise<readonly Registration[]> {
  const mine: Registration[] = [];
  kept = mine;
  try {
    await load();
  } finally {
    kept = undefined;
  }
  return mine;
}

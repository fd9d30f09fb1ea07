/** The way out of a call: who waits for whom, what is counted, and who is cut off. */

import { AnswerFlow, type FlowOut } from "../../../src/grpc/answer_flow.ts";
import { ByteBudget } from "../../../src/lib/byte_budget.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { standstill, until } from "../../harness/wait.ts";

const kibi = 1024;

/** A call that takes when the test says so. */
class FakeOut implements FlowOut {
  cuts = 0;
  onCut = (): void => {};
  isClosed = false;
  sent: ((bytes: number) => void) | undefined;
  #onClosed = (): void => {};
  readonly #counts: boolean;

  /** `counts`: as on Deno, where a write that is done says nothing. */
  constructor(counts = false) {
    this.#counts = counts;
  }

  onSent(handler: (bytes: number) => void): (() => void) | undefined {
    if (!this.#counts) return undefined;
    this.sent = handler;
    return () => this.sent = undefined;
  }

  cut(): void {
    this.cuts += 1;
    this.close();
    this.onCut();
  }

  onClosed(handler: () => void): void {
    this.#onClosed = handler;
  }

  close(): void {
    this.isClosed = true;
    this.#onClosed();
  }
}

const patient = { untakenMsMax: 600_000, lastMsMax: 600_000 };

/** Whether it has resolved by now. */
async function isDone(promise: Promise<void>): Promise<boolean> {
  let done = false;
  promise.then(() => done = true);
  await standstill();
  return done;
}

describe("AnswerFlow", () => {
  it("lets small answers go ahead, up to a limit, until a write is done", async () => {
    const flow = new AnswerFlow(new FakeOut(), new ByteBudget(kibi), patient);
    const dones: (() => void)[] = [];
    const write = (bytes: number) => flow.write(bytes, (done) => dones.push(done));
    for (let n = 0; n < 6; n++) assert.equal(await isDone(write(10 * kibi)), true, String(n));
    const seventh = write(10 * kibi);
    assert.equal(await isDone(seventh), false);
    dones[0]!();
    assert.equal(await isDone(seventh), true);
    flow.end();
  });

  it("where frames are counted, takes no write that is done for one that has left", async () => {
    const out = new FakeOut(true);
    const flow = new AnswerFlow(out, new ByteBudget(200 * kibi), patient);
    assert.equal(flow.hasRoomFor(100 * kibi), true);
    const first = flow.write(100 * kibi, (done) => done());
    assert.equal(await isDone(first), false);
    out.sent?.(30 * kibi);
    assert.equal(await isDone(first), false);
    out.sent?.(10 * kibi);
    assert.equal(await isDone(first), true);
    flow.end();
    out.close();
    assert.equal(out.sent, undefined, "nobody counts any more");
  });

  it("counts large answers until they have left, or their call has ended", async () => {
    const budget = new ByteBudget(200 * kibi);
    const out = new FakeOut(true);
    const flow = new AnswerFlow(out, budget, patient);
    assert.equal(flow.hasRoomFor(150 * kibi), true);
    const large = flow.write(150 * kibi, (done) => done());
    assert.equal(new AnswerFlow(new FakeOut(), budget).hasRoomFor(100 * kibi), false);
    assert.equal(new AnswerFlow(new FakeOut(), budget).hasRoomFor(10 * kibi), true);
    out.sent?.(150 * kibi);
    await large;
    assert.equal(budget.heldBytes, 0);
    assert.equal(flow.hasRoomFor(150 * kibi), true);
    const untaken = flow.write(150 * kibi, (done) => done());
    flow.end();
    await untaken;
    assert.equal(budget.heldBytes, 150 * kibi, "it is still in memory");
    out.close();
    assert.equal(budget.heldBytes, 0);
  });

  it("cuts off who takes nothing while something waits, and nobody who is level", async () => {
    const impatient = { ...patient, untakenMsMax: 1 };
    const idle = new FakeOut();
    const quiet = new AnswerFlow(idle, new ByteBudget(kibi), impatient);
    await quiet.write(10, (done) => done());
    const out = new FakeOut();
    const flow = new AnswerFlow(out, new ByteBudget(kibi * kibi), impatient);
    out.onCut = () => flow.end();
    // Ends because the call does.
    await flow.write(500 * kibi, () => {});
    assert.equal(out.cuts, 1);
    assert.equal(idle.cuts, 0);
    quiet.end();
  });

  it("cuts off who does not take the last answers", async () => {
    const out = new FakeOut();
    const flow = new AnswerFlow(out, new ByteBudget(kibi), { ...patient, lastMsMax: 1 });
    await flow.write(10, () => {});
    assert.equal(out.cuts, 0);
    flow.end();
    await until(() => out.cuts === 1, { what: "the cut" });
  });
});

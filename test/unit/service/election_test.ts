/** Following an election over the real store. */

import type { OpenElection } from "../../../src/service/contract.ts";
import { lossyText } from "../../../src/lib/bytes.ts";
import { ServiceError } from "../../../src/service/errors.ts";
import { contend, Contested, longMs, options } from "../../harness/contested.ts";
import { bytes } from "../../harness/kv_commands.ts";
import { assert, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

describe("An election that is followed", () => {
  const area = "election";

  async function next(election: OpenElection): Promise<string> {
    const frame = await election.next({ ms: longMs });
    return frame.kind === "leader"
      ? `${frame.leader.token} ${lossyText(frame.leader.value)} at ${frame.revision}`
      : frame.kind;
  }

  it("tells who leads now, and each new leader and value", async () => {
    const contested = new Contested();
    const { election } = await contested.contests.follow(bytes("e"), options);
    assert.equal(await next(election), "vacant");
    const first = next(election);
    const token = contested.hold("e", { area });
    assert.equal(await first, "2 me at 2");
    const said = next(election);
    contested.hold("other", { area });
    contested.apply({ kind: "proclaim", name: bytes("e"), token, value: bytes("x") });
    assert.equal(await said, "2 x at 4");
    contested.apply(contend("e", { area, value: bytes("you") }));
    const second = next(election);
    contested.apply({ kind: "leave", area, name: bytes("e"), token, onlyWaiting: false });
    assert.equal(await second, "5 you at 6");
    const late = await contested.contests.follow(bytes("e"), options);
    assert.equal(await next(late.election), "5 you at 6");
    const ended = next(election);
    contested.contests.close();
    assert.equal(await ended, "closing");
    assert.equal(await next(late.election), "closing");
    contested.assertNobodyIsLeft();
  });

  it("tells a slow reader the newest, and without news how far it has come", async () => {
    const contested = new Contested();
    const { election } = await contested.contests.follow(bytes("e"), options);
    await next(election);
    const token = contested.hold("e", { area });
    for (const value of ["1", "2", "3"]) {
      contested.apply({ kind: "proclaim", name: bytes("e"), token, value: bytes(value) });
    }
    assert.equal(await next(election), "2 3 at 5");
    const quiet = election.next({ ms: 5_000 });
    await until(() => contested.clock.timers === 1, { what: "it to wait" });
    contested.clock.advance(5_000);
    assert.deepEqual(await quiet, { kind: "progress", revision: 5 });
    election.close();
    contested.assertNobodyIsLeft();
  });

  it("is looked at again where the node could not tell", async () => {
    const contested = new Contested();
    const { election } = await contested.contests.follow(bytes("e"), options);
    await next(election);
    let fails = 1;
    contested.kv.before = (asked) => {
      if (asked === "read" && fails-- > 0) throw new ServiceError("not_ready", "It catches up");
    };
    const quiet = election.next({ ms: 5_000 });
    contested.hold("e", { area });
    await until(() => contested.clock.timers === 1 && fails === 0, { what: "it to wait again" });
    contested.clock.advance(5_000);
    assert.equal((await quiet).kind, "progress");
    assert.equal(await next(election), "2 me at 2");
    election.close();
  });
});

/** What every durable engine does alike, over a medium that is a list. */

import type { Entry } from "../../../src/raft/types.ts";
import type { LogWrite } from "../../../src/raft/ready.ts";
import { LogOutline } from "../../../src/storage/log_outline.ts";
import { MarkedLog, type PageRange } from "../../../src/storage/marked_log.ts";
import { entryAt } from "../../harness/log_model.ts";
import { ManualClock } from "../../harness/manual_clock.ts";
import { SimulatedFiles } from "../../harness/simulated_files.ts";
import { assert, describe, it } from "../../harness/test.ts";

function writeOf(index: number): LogWrite {
  return { number: index, entries: [entryAt(index, 1)] };
}

function marked() {
  const clock = new ManualClock();
  const entries: Entry[] = [];
  const asked: PageRange[] = [];
  const disk = { isFull: false };
  const log = new MarkedLog({
    files: new SimulatedFiles(),
    directory: "/d",
    clock,
    onFatal: (error) => assert.fail(error),
    medium: {
      commit: (write) => !disk.isFull && entries.push(...write.entries) > 0,
      committed: () => {},
      page: (range) => {
        asked.push(range);
        return entries.slice(range.from - 1, range.to);
      },
    },
  });
  return { log, clock, entries, asked, disk };
}

describe("MarkedLog", () => {
  it("asks the medium for nothing that the log does not hold", () => {
    const { log, asked } = marked();
    for (const index of [1, 2, 3]) log.persist(writeOf(index), () => {});
    const { entries } = log.reader;
    assert.equal(entries({ from: 0, to: 3, bytesMax: 9 }), undefined);
    assert.deepEqual(entries({ from: 4, to: 9, bytesMax: 9 }), []);
    assert.deepEqual(asked, []);
    assert.deepEqual(entries({ from: 2, to: 9, bytesMax: 9 }), [entryAt(2, 1), entryAt(3, 1)]);
    assert.deepEqual(asked, [{ from: 2, to: 3, bytesMax: 9 }]);
  });

  it("takes no write, and no discard that keeps the damage, while it is damaged", () => {
    const { log, entries } = marked();
    const outline = new LogOutline();
    for (const index of [1, 2, 3]) outline.append(entryAt(index, 1));
    log.found(outline, { firstBad: 2, badMeta: false });
    assert.throws(() => log.persist(writeOf(4), () => {}), /A damaged log is written/);
    const hardState = { currentTerm: 1, commitIndex: 0 };
    assert.throws(() => log.outlineWithout(3, hardState), /Discard from 3 keeps damage/);
    assert.throws(() => log.resetMark(), /A rebuilt log is intact/);
    log.found(log.outlineWithout(2, hardState), { badMeta: false });
    log.resetMark();
    assert.deepEqual([log.outline.lastIndex, entries], [1, []]);
  });

  it("forgets at its close what waits for room", () => {
    const { log, clock, entries, disk } = marked();
    disk.isFull = true;
    log.persist(writeOf(1), () => assert.fail("The log is closed"));
    log.close();
    disk.isFull = false;
    clock.tick();
    assert.deepEqual([entries, clock.intervalsMs], [[], []]);
  });
});

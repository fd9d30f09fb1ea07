import { EventCounter } from "../../../../scripts/bench/event_counter.ts";
import { assert, describe, it } from "../../../harness/test.ts";

const stream = "event: ready\nid: 1\n\nevent: change\nid: 2\n\n: beat\n\nevent: change\nid: 3\n\n";

describe("EventCounter", () => {
  it("counts changes alone, each once, wherever the stream is cut", () => {
    for (let cut = 0; cut <= stream.length; cut++) {
      const counter = new EventCounter();
      const found = counter.count(stream.slice(0, cut)) + counter.count(stream.slice(cut));
      assert.equal(found, 2, `cut at ${cut}`);
    }
  });

  it("counts in pieces of single characters", () => {
    const counter = new EventCounter();
    assert.equal([...stream].reduce((sum, each) => sum + counter.count(each), 0), 2);
  });
});

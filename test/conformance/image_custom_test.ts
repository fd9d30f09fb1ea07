/** A state machine that has nothing to do with the store, as somebody else would write one. */

import { decodeConfiguration } from "../../src/raft/encoding.ts";
import type { SnapshotStage } from "../../src/node/ports.ts";
import { isSameImage } from "../../src/storage/snapshot_meta.ts";
import { strictText, utf8 } from "../../src/lib/bytes.ts";
import type { Entry, PositionedConfiguration, SnapshotMeta } from "../../src/raft/types.ts";
import { EntryMaker } from "../harness/kv_commands.ts";
import { type AnyMachine, digestOf, type ImageCluster, type ImagePlace } from "./image_place.ts";
import { imageSuite } from "./image_suite.ts";

/** All of the state: how many entries there were, and the bytes of all together. */
interface Tally {
  readonly entries: number;
  readonly bytes: number;
  readonly term: number;
  readonly timeMs: number;
  readonly configuration: PositionedConfiguration;
}

interface Held {
  readonly meta: SnapshotMeta;
  readonly bytes: Uint8Array;
  readonly isFinished: boolean;
}

const nothing: Tally = {
  ...{ entries: 0, bytes: 0, term: 0, timeMs: 0 },
  configuration: {
    position: { index: 0, term: 0 },
    configuration: { members: [], nodeIdMax: 0 },
  },
};

/** What outlives the process: the state as of the last commit, and a stage. */
class TallyDisk {
  state = nothing;
  held: Held | undefined;
}

class TallyMachine implements AnyMachine {
  readonly #disk: TallyDisk;
  state: Tally;

  constructor(disk: TallyDisk) {
    this.#disk = disk;
    this.state = disk.state;
  }

  applied() {
    const { entries: index, term, configuration } = this.state;
    return { position: { index, term }, configuration };
  }

  apply(entries: readonly Entry[]): readonly number[] {
    return entries.map((entry) => {
      const { index, term, kind, timeMs, data } = entry;
      if (index <= this.state.entries) return 0;
      const configuration = kind === "configuration"
        ? { position: { index, term }, configuration: decodeConfiguration(data) }
        : this.state.configuration;
      const bytes = this.state.bytes + data.length;
      this.state = { entries: index, bytes, term, timeMs, configuration };
      return bytes;
    });
  }

  read(): undefined {}

  makeDurable(done: (through: { index: number; term: number }) => void): void {
    this.#disk.state = this.state;
    done(this.applied().position);
  }

  image(done: Parameters<AnyMachine["image"]>[0]): void {
    // So long that it takes some chunks, and with an end that shows that all of it is there.
    const bytes = utf8(`${JSON.stringify(this.state).padEnd(2_000)}.`);
    const { timeMs, configuration } = this.state;
    const meta = {
      ...{ position: this.applied().position, timeMs, configuration },
      ...{ bytes: bytes.length, digest: digestOf(bytes) },
    };
    done({
      meta,
      read: ({ offset, bytesMax }, done) => done(bytes.slice(offset, offset + bytesMax)),
      release: () => {},
    });
  }

  stage(meta: SnapshotMeta): SnapshotStage {
    const disk = this.#disk;
    const before = disk.held;
    let held: Held | undefined = before !== undefined && isSameImage(before.meta, meta)
      ? before
      : { meta, bytes: new Uint8Array(0), isFinished: false };
    disk.held = held;
    const keep = (next: Held | undefined): void => void (disk.held = held = next);
    return {
      get offset() {
        return held?.bytes.length ?? 0;
      },
      write: (chunk) => {
        if (held === undefined) return;
        keep({ ...held, bytes: new Uint8Array([...held.bytes, ...chunk]) });
      },
      ready: (done) => done(),
      finish: (done) => {
        const isWhole = held !== undefined && tallyOf(held) !== undefined;
        keep(isWhole && held !== undefined ? { ...held, isFinished: true } : undefined);
        done(isWhole ? "staged" : "corrupt");
      },
      abort: () => {
        if (disk.held === held) keep(undefined);
      },
    };
  }

  staged(): SnapshotMeta | undefined {
    const { held } = this.#disk;
    return held?.isFinished === true ? held.meta : undefined;
  }

  adopt(): void {
    const { held } = this.#disk;
    const state = held?.isFinished === true ? tallyOf(held) : undefined;
    if (state === undefined) return;
    this.#disk.state = this.state = state;
    this.#disk.held = undefined;
  }

  close(): void {
    this.#disk.state = this.state;
  }
}

/** Undefined where the bytes are not those of `meta`, or no tally, or of another position. */
function tallyOf({ meta, bytes }: Held): Tally | undefined {
  const said = { ...meta, bytes: bytes.length, digest: digestOf(bytes) };
  const text = strictText(bytes);
  if (!isSameImage(said, meta) || text === undefined || !/^\{"entries".*\.$/.test(text)) {
    return undefined;
  }
  const state: Tally = JSON.parse(text.slice(0, -1));
  const { entries: index, term, timeMs, configuration } = state;
  const held = { ...meta, position: { index, term }, timeMs, configuration };
  return isSameImage(held, meta) ? state : undefined;
}

function tallyPlace(): ImagePlace {
  const disk = new TallyDisk();
  let machine = new TallyMachine(disk);
  return {
    open: () => machine = new TallyMachine(disk),
    crash: () => {},
    describe: () => machine.state,
    check: () => {},
  };
}

function tallyCluster(): ImageCluster {
  const maker = new EntryMaker();
  return {
    entries: (count) =>
      Array.from({ length: count }, (_, at) => maker.raw(new Uint8Array(at % 50 + 1))),
    makePlace: tallyPlace,
    remove: () => {},
  };
}

imageSuite({ name: "a state machine of another kind", makeCluster: tallyCluster });

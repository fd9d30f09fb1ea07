/** Stages: what is received is whole or refused, and nothing else changes the state. */

import { assert } from "../harness/test.ts";
import {
  altered,
  finished,
  type ImageCase,
  type ImageCluster,
  Machine,
  type Received,
  writeRest,
} from "./image_place.ts";

/** A machine with an image of its own, and another one that has come less far. */
async function leaderAndFollower(cluster: ImageCluster): Promise<{
  readonly source: Machine;
  readonly target: Machine;
  readonly image: Received;
}> {
  const [source, target] = [new Machine(cluster), new Machine(cluster)];
  const entries = cluster.entries(60);
  source.apply(entries);
  target.apply(entries.slice(0, 20));
  source.apply(cluster.entries(140));
  return { source, target, image: await source.imageBytes() };
}

/** Refused, gone, and nothing but that has changed. */
async function assertRefused(target: Machine, image: Received): Promise<void> {
  const before = target.describe();
  assert.equal(await target.receive(image), "corrupt");
  assert.equal(target.port.staged(), undefined);
  target.port.adopt();
  assert.deepEqual(target.describe(), before);
  assert.equal(target.port.stage(image.meta).offset, 0);
}

export const stageCases: readonly ImageCase[] = [
  {
    name: "the state is as it was until adopt",
    run: async (cluster) => {
      const { source, target, image } = await leaderAndFollower(cluster);
      const before = target.describe();
      const stage = target.port.stage(image.meta);
      assert.equal(stage.offset, 0);
      writeRest(stage, image, 100);
      assert.deepEqual([stage.offset, target.port.staged()], [100, undefined]);
      writeRest(stage, image);
      assert.equal(target.port.staged(), undefined);
      assert.equal(await finished(stage), "staged");
      assert.deepEqual(target.port.staged(), image.meta);
      assert.deepEqual(target.describe(), before);
      target.port.adopt();
      assert.equal(target.port.staged(), undefined);
      assert.deepEqual(target.describe(), source.describe());
    },
  },
  {
    name: "a stage that was finished is finished again at once",
    run: async (cluster) => {
      const { source, target, image } = await leaderAndFollower(cluster);
      assert.equal(await target.receive(image), "staged");
      const again = target.port.stage(image.meta);
      assert.equal(again.offset, image.meta.bytes);
      assert.equal(await finished(again), "staged");
      target.port.adopt();
      assert.deepEqual(target.describe(), source.describe());
    },
  },
  {
    name: "adopt is idempotent, and without a stage it does nothing",
    run: async (cluster) => {
      const { source, target, image } = await leaderAndFollower(cluster);
      const before = target.describe();
      target.port.adopt();
      assert.deepEqual(target.describe(), before);
      await target.adopt(image);
      const next = cluster.entries(10);
      target.apply(next);
      source.apply(next);
      target.port.adopt();
      assert.deepEqual(target.describe(), source.describe());
    },
  },
  {
    name: "a stage goes on at its offset in the same process",
    run: async (cluster) => {
      const { source, target, image } = await leaderAndFollower(cluster);
      const half = image.bytes.length >> 1;
      writeRest(target.port.stage(image.meta), image, half);
      const stage = target.port.stage(image.meta);
      assert.equal(stage.offset, half);
      writeRest(stage, image);
      assert.equal(await finished(stage), "staged");
      target.port.adopt();
      assert.deepEqual(target.describe(), source.describe());
    },
  },
  {
    name: "a stage goes on at its offset after a restart and after a kill",
    run: async (cluster) => {
      const { source, target, image } = await leaderAndFollower(cluster);
      const third = Math.floor(image.bytes.length / 3);
      writeRest(target.port.stage(image.meta), image, third);
      target.reopen();
      assert.equal(target.port.staged(), undefined);
      const reopened = target.port.stage(image.meta);
      assert.equal(reopened.offset, third);
      writeRest(reopened, image, 2 * third);
      target.crash();
      const stage = target.port.stage(image.meta);
      assert.equal(stage.offset, 2 * third);
      writeRest(stage, image);
      assert.equal(await finished(stage), "staged");
      target.port.adopt();
      assert.deepEqual(target.describe(), source.describe());
    },
  },
  {
    name: "a finished stage, and what was adopted, survive restarts and kills",
    run: async (cluster) => {
      const { source, target, image } = await leaderAndFollower(cluster);
      assert.equal(await target.receive(image), "staged");
      target.crash();
      assert.deepEqual(target.port.staged(), image.meta);
      target.reopen();
      assert.deepEqual(target.port.staged(), image.meta);
      target.port.adopt();
      target.crash();
      assert.equal(target.port.staged(), undefined);
      assert.deepEqual(target.describe(), source.describe());
      target.port.adopt();
      target.reopen();
      assert.deepEqual(target.describe(), source.describe());
      target.place.check();
    },
  },
  {
    name: "what was not committed before adopt goes with the old state",
    run: async (cluster) => {
      const { source, target, image } = await leaderAndFollower(cluster);
      const next = cluster.entries(10);
      assert.equal(await target.receive(image), "staged");
      target.apply([]);
      target.port.adopt();
      target.apply(next);
      source.apply(next);
      target.port.makeDurable((through) => assert.deepEqual(through, { index: 210, term: 1 }));
      target.crash();
      assert.deepEqual(target.describe(), source.describe());
    },
  },
  {
    name: "a turned bit anywhere is found, and nothing has changed",
    run: async (cluster) => {
      const { target, image } = await leaderAndFollower(cluster);
      const { length } = image.bytes;
      for (const at of [0, 20, 100, length >> 2, length >> 1, length - 20, length - 1]) {
        const bytes = image.bytes.slice();
        bytes[at]! ^= 16;
        await assertRefused(target, { meta: image.meta, bytes });
      }
      await target.adopt(image);
      target.place.check();
    },
  },
  {
    name: "bytes that are missing are found",
    run: async (cluster) => {
      const { target, image } = await leaderAndFollower(cluster);
      for (const left of [0, 1, image.bytes.length - 1]) {
        await assertRefused(target, { meta: image.meta, bytes: image.bytes.slice(0, left) });
      }
    },
  },
  {
    name: "an image that is not the one it is said to be is refused",
    run: async (cluster) => {
      const { target, image } = await leaderAndFollower(cluster);
      const { meta, bytes } = image;
      const { position, configuration } = meta;
      const wrong = [
        { ...meta, position: { ...position, index: position.index + 1 } },
        { ...meta, position: { ...position, term: position.term + 1 } },
        { ...meta, timeMs: meta.timeMs + 1 },
        { ...meta, configuration: { ...configuration, position: { index: 3, term: 9 } } },
      ];
      for (const each of wrong) await assertRefused(target, { meta: each, bytes });
    },
  },
  {
    name: "bytes that are no image are refused, whatever their digest says",
    run: async (cluster) => {
      const { target, image } = await leaderAndFollower(cluster);
      const junk = Uint8Array.from({ length: 20_000 }, (_, at) => at * 7);
      for (const bytes of [new Uint8Array(0), new Uint8Array(5_000), junk]) {
        await assertRefused(target, altered(image, bytes));
      }
      await assertRefused(target, altered(image, image.bytes.slice(0, image.bytes.length >> 1)));
    },
  },
  {
    name: "a stage for another image takes the place of the one before",
    run: async (cluster) => {
      const { source, target, image } = await leaderAndFollower(cluster);
      writeRest(target.port.stage(image.meta), image, 100);
      source.apply(cluster.entries(20));
      const newer = await source.imageBytes();
      const stage = target.port.stage(newer.meta);
      assert.equal(stage.offset, 0);
      writeRest(stage, newer);
      assert.equal(await finished(stage), "staged");
      assert.deepEqual(target.port.staged(), newer.meta);
      // A finished one goes as well.
      const older = target.port.stage(image.meta);
      assert.deepEqual([older.offset, target.port.staged()], [0, undefined]);
      target.crash();
      assert.equal(target.port.staged(), undefined);
      await target.adopt(newer);
      assert.deepEqual(target.describe(), source.describe());
    },
  },
  {
    name: "a stage that was aborted is gone, also after a restart",
    run: async (cluster) => {
      const { target, image } = await leaderAndFollower(cluster);
      const stage = target.port.stage(image.meta);
      writeRest(stage, image, 100);
      stage.abort();
      stage.abort();
      assert.equal(target.port.stage(image.meta).offset, 0);
      const whole = target.port.stage(image.meta);
      writeRest(whole, image);
      assert.equal(await finished(whole), "staged");
      whole.abort();
      assert.equal(target.port.staged(), undefined);
      target.crash();
      assert.equal(target.port.staged(), undefined);
      assert.equal(target.port.stage(image.meta).offset, 0);
    },
  },
  {
    name: "abort does nothing to a stage that was adopted",
    run: async (cluster) => {
      const { source, target, image } = await leaderAndFollower(cluster);
      const stage = target.port.stage(image.meta);
      writeRest(stage, image);
      assert.equal(await finished(stage), "staged");
      target.port.adopt();
      stage.abort();
      target.crash();
      assert.deepEqual(target.describe(), source.describe());
    },
  },
  {
    name: "an older image is adopted like any other: who calls has decided",
    run: async (cluster) => {
      const { source, target, image } = await leaderAndFollower(cluster);
      const before = source.describe();
      const next = cluster.entries(30);
      source.apply(next);
      const after = source.describe();
      await source.adopt(image);
      assert.deepEqual(source.describe(), before);
      source.apply(next);
      assert.deepEqual(source.describe(), after);
      source.place.check();
      assert.notDeepEqual(target.describe(), after);
    },
  },
];

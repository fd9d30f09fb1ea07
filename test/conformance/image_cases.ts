/** Images: what they hold, and that who adopts one goes on like the machine that it is of. */

import { assert } from "../harness/test.ts";
import { setImmediate } from "node:timers/promises";
import { bytesOf, type ImageCase, Machine } from "./image_place.ts";

export const imageCases: readonly ImageCase[] = [
  {
    name: "an image holds what was applied when it was asked for, while more is applied",
    run: async (cluster) => {
      const source = new Machine(cluster);
      source.apply(cluster.entries(300));
      const before = source.describe();
      const making = source.imageBytes();
      const later = [];
      for (let page = 0; page < 20; page++) {
        const entries = cluster.entries(10);
        later.push(...entries);
        source.apply(entries);
        if (page % 4 === 0) source.port.makeDurable(() => {});
        await setImmediate();
      }
      const image = await making;
      assert.deepEqual(image.meta.position, { index: 300, term: 1 });
      const target = new Machine(cluster);
      await target.adopt(image);
      assert.deepEqual(target.describe(), before);
      target.place.check();
      target.apply(later);
      assert.deepEqual(target.describe(), source.describe());
    },
  },
  {
    name: "who adopts an image answers what comes next as all others do",
    run: async (cluster) => {
      const [source, target] = [new Machine(cluster), new Machine(cluster)];
      source.apply(cluster.entries(500));
      await target.adopt(await source.imageBytes());
      const next = cluster.entries(500);
      assert.deepEqual(target.apply(next), source.apply(next));
      assert.deepEqual(target.describe(), source.describe());
      source.place.check();
      target.place.check();
    },
  },
  {
    name: "an image says at which entry it stands, and of which configuration",
    run: async (cluster) => {
      const source = new Machine(cluster);
      source.apply(cluster.entries(40));
      const { meta } = await source.imageBytes();
      const { position, configuration } = source.port.applied();
      assert.deepEqual([meta.position, meta.configuration], [position, configuration]);
      assert.ok(meta.timeMs > 0);
    },
  },
  {
    name: "an image of nothing can be made and adopted",
    run: async (cluster) => {
      const [source, target] = [new Machine(cluster), new Machine(cluster)];
      await target.adopt(await source.imageBytes());
      assert.deepEqual(target.describe(), source.describe());
      const entries = cluster.entries(10);
      assert.deepEqual(target.apply(entries), source.apply(entries));
    },
  },
  {
    name: "an image of what was adopted is as good as the first one",
    run: async (cluster) => {
      const first = new Machine(cluster);
      first.apply(cluster.entries(200));
      const second = new Machine(cluster);
      await second.adopt(await first.imageBytes());
      const third = new Machine(cluster);
      await third.adopt(await second.imageBytes());
      assert.deepEqual(third.describe(), first.describe());
      third.place.check();
    },
  },
  {
    name: "an image is read from any offset, as often as one likes, until it is released",
    run: async (cluster) => {
      const source = new Machine(cluster);
      source.apply(cluster.entries(100));
      const image = await source.image();
      const whole = await bytesOf(image);
      source.apply(cluster.entries(100));
      source.port.makeDurable(() => {});
      assert.deepEqual(await bytesOf(image), whole);
      const half = whole.length >> 1;
      assert.deepEqual(await bytesOf(image, half), whole.subarray(half));
      const behind = await new Promise((resolve) =>
        image.read({ offset: whole.length, bytesMax: 10 }, resolve)
      );
      assert.deepEqual(behind, new Uint8Array(0));
      image.release();
      image.release();
    },
  },
  {
    name: "what was being read when the image was released comes all the same",
    run: async (cluster) => {
      const source = new Machine(cluster);
      source.apply(cluster.entries(100));
      const { bytes } = await source.imageBytes();
      const image = await source.image();
      const reads = [0, 1_000].map((offset) =>
        new Promise<Uint8Array>((resolve) => image.read({ offset, bytesMax: 1_000 }, resolve))
      );
      image.release();
      assert.deepEqual(await Promise.all(reads), [
        bytes.subarray(0, 1_000),
        bytes.subarray(1_000, 2_000),
      ]);
    },
  },
  {
    name: "of two images that are asked for at once, one is made",
    run: async (cluster) => {
      const source = new Machine(cluster);
      source.apply(cluster.entries(100));
      const made: boolean[] = [];
      const both = [0, 1].map(() =>
        new Promise<void>((resolve) =>
          source.port.image((image) => {
            made.push(image !== undefined);
            image?.release();
            resolve();
          })
        )
      );
      await Promise.all(both);
      assert.ok(made.includes(true));
      await source.imageBytes();
    },
  },
  {
    name: "an image stays as it is while others are made of what came since",
    run: async (cluster) => {
      const source = new Machine(cluster);
      source.apply(cluster.entries(50));
      const image = await source.image();
      const first = await bytesOf(image);
      source.apply(cluster.entries(50));
      const second = await source.imageBytes();
      assert.equal(second.meta.position.index, 100);
      assert.deepEqual(await bytesOf(image), first);
      image.release();
    },
  },
];

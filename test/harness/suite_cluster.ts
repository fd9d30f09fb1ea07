/** A cluster for all tests of a suite. */

import { type ClusterOptions, type ProcessCluster, withCluster } from "./processes.ts";
import { after, before } from "./test.ts";

/** Starts it before the first test of the suite in which this is called, and ends it after all. */
export function suiteCluster(options: ClusterOptions): () => ProcessCluster {
  let cluster: ProcessCluster | undefined;
  const over = Promise.withResolvers<void>();
  let finished: Promise<void> | undefined;
  before(async () => {
    const ready = Promise.withResolvers<void>();
    finished = withCluster(options, async (started) => {
      await started.start();
      cluster = started;
      ready.resolve();
      await over.promise;
    });
    finished.catch(ready.reject);
    await ready.promise;
  });
  after(async () => {
    over.resolve();
    await finished;
  });
  return () => {
    if (cluster === undefined) throw new Error("The cluster is there once the tests run");
    return cluster;
  };
}

/**
 * What every StateMachine must do that gives images of itself to other nodes and takes theirs: the
 * promises of node/ports.ts, asked through that interface alone. A machine of one's own runs it in
 * three lines:
 *
 *     import { imageSuite } from "…/test/conformance/image_suite.ts";
 *     import { makeMyCluster } from "./my_image_places.ts"; // an ImageCluster
 *     imageSuite({ name: "mine", makeCluster: makeMyCluster });
 */

import { describe, it } from "../harness/test.ts";
import { imageCases } from "./image_cases.ts";
import type { ImageCluster } from "./image_place.ts";
import { stageCases } from "./image_stage_cases.ts";

/** Each case gets a cluster of its own. */
export interface ImageHarness {
  readonly name: string;
  readonly makeCluster: () => ImageCluster;
}

export function imageSuite({ name, makeCluster }: ImageHarness): void {
  describe(`images: ${name}`, () => {
    for (const { name, run } of [...imageCases, ...stageCases]) {
      it(name, async () => {
        const cluster = makeCluster();
        try {
          await run(cluster);
        } finally {
          cluster.remove();
        }
      });
    }
  });
}

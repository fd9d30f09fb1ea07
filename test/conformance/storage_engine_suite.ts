/**
 * What every StorageEngine must do. A backend of one's own runs it in three lines:
 *
 *     import { storageEngineSuite } from "…/test/conformance/storage_engine_suite.ts";
 *     import { makeMyPlace } from "./my_engine_place.ts"; // a StoragePlace
 *     storageEngineSuite({ name: "mine", makePlace: makeMyPlace });
 *
 * The names of the first fifteen cases are those of the suite that d-engine gives to the authors of
 * its backends, each in the words of our interface.
 */

import { describe, it } from "../harness/test.ts";
import { damageCases, discardCases } from "./storage_engine_recovery_cases.ts";
import { basicCases } from "./storage_engine_basic_cases.ts";
import { durabilityCases } from "./storage_engine_durability_cases.ts";
import type { StorageEngineCase, StoragePlace } from "./storage_place.ts";

export type { StoragePlace };

export interface StorageEngineHarness {
  readonly name: string;
  /** An empty place; each case gets one of its own. */
  readonly makePlace: () => StoragePlace;
}

/** All cases, for those who want to see one fail. */
export const storageEngineCases: readonly StorageEngineCase[] = [
  ...basicCases,
  ...durabilityCases,
  ...discardCases,
  ...damageCases,
];

export function storageEngineSuite({ name, makePlace }: StorageEngineHarness): void {
  describe(`storage engine: ${name}`, () => {
    for (const { name, needsDamage, run } of storageEngineCases) {
      it(name, { timeout: 240_000 }, async (context) => {
        const place = makePlace();
        try {
          if (needsDamage && !place.damage) context.skip("the place cannot be damaged");
          else await run(place);
        } finally {
          place.remove();
        }
      });
    }
  });
}

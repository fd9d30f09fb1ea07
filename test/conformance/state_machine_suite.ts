/**
 * What the store must do on every backend of its tables. A backend of one's own runs it in three
 * lines:
 *
 *     import { stateMachineSuite } from "…/test/conformance/state_machine_suite.ts";
 *     import { makeMyPlace } from "./my_kv_place.ts"; // a KvPlace
 *     stateMachineSuite({ name: "mine", makePlace: makeMyPlace });
 *
 * Cases with an underscore in their name have that of the suite that d-engine gives to the authors
 * of its backends, each in the words of our interface. Its snapshot_operations are what
 * image_suite.ts asks of any state machine; its reset is there to adopt an image of nothing.
 */

import { describe, it } from "../harness/test.ts";
import { basicCases } from "./state_machine_basic_cases.ts";
import { compactionCases } from "./state_machine_compaction_cases.ts";
import { conditionCases } from "./state_machine_condition_cases.ts";
import { crashCases } from "./state_machine_crash_cases.ts";
import { extremeCases } from "./state_machine_extreme_cases.ts";
import type { KvPlace, StateMachineCase } from "./state_machine_place.ts";
import { rangeCases } from "./state_machine_range_cases.ts";
import { restoreCases } from "./state_machine_restore_cases.ts";
import { versionCases } from "./state_machine_version_cases.ts";

export type { KvPlace };

export interface StateMachineHarness {
  readonly name: string;
  /** An empty place; each case gets one of its own. */
  readonly makePlace: () => KvPlace;
}

/** All cases, for those who want to see one fail. */
export const stateMachineCases: readonly StateMachineCase[] = [
  ...basicCases,
  ...conditionCases,
  ...rangeCases,
  ...extremeCases,
  ...crashCases,
  ...compactionCases,
  ...restoreCases,
  ...versionCases,
];

export function stateMachineSuite({ name, makePlace }: StateMachineHarness): void {
  describe(`state machine: ${name}`, () => {
    for (const { name, run } of stateMachineCases) {
      it(name, () => {
        const place = makePlace();
        try {
          run(place);
        } finally {
          place.remove();
        }
      });
    }
  });
}

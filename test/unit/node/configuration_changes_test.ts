import {
  ConfigurationChanges,
  type ConfigurationOutcome,
} from "../../../src/node/configuration_changes.ts";
import type { PositionedConfiguration } from "../../../src/raft/types.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { position } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

function waiting(): {
  readonly changes: ConfigurationChanges;
  readonly told: ConfigurationOutcome[];
} {
  const told: ConfigurationOutcome[] = [];
  const changes = new ConfigurationChanges();
  changes.add(1, 1000, (outcome) => told.push(outcome));
  return { changes, told };
}

function latest(at: string, joint = false): PositionedConfiguration {
  const configuration = configurationOf({ voters: [1, 2] });
  return {
    position: position(at),
    configuration: joint ? { ...configuration, outgoing: configuration.members } : configuration,
  };
}

describe("ConfigurationChanges", () => {
  it("is done when C_new behind the accepted C_old,new is applied", () => {
    const { changes, told } = waiting();
    changes.accepted(1, position("5@2"));
    changes.applied(position("5@2"), () => latest("5@2", true));
    changes.applied(position("5@2"), () => latest("6@2"));
    assert.deepEqual(told, []);
    changes.applied(position("6@2"), () => latest("6@2"));
    assert.deepEqual(told, [{ kind: "applied", position: position("6@2") }]);
  });

  it("is done at once when no joint phase was needed", () => {
    const { changes, told } = waiting();
    changes.accepted(1, position("5@2"));
    changes.applied(position("9@2"), () => latest("5@2"));
    assert.deepEqual(told, [{ kind: "applied", position: position("5@2") }]);
  });

  it("not by a configuration from before", () => {
    const { changes, told } = waiting();
    changes.accepted(1, position("5@2"));
    changes.applied(position("9@2"), () => latest("4@2"));
    assert.deepEqual(told, []);
  });

  it("one that was not accepted yet waits on", () => {
    const { changes, told } = waiting();
    changes.applied(position("9@2"), () => latest("5@2"));
    changes.expire(5000);
    assert.deepEqual(told, []);
    changes.settleAccepted("closing");
    assert.deepEqual(told, [], "it may still be dropped with proof");
  });

  it("tells that it was not applied only when it was never appended", () => {
    const { changes, told } = waiting();
    changes.dropped(1, "changeInProgress", 3);
    assert.deepEqual(told, [{ kind: "notApplied", reason: "changeInProgress", leader: 3 }]);
  });

  it("everything else after the append is unknown", () => {
    for (const reason of ["leadershipLost", "closing", "timeout"] as const) {
      const { changes, told } = waiting();
      changes.accepted(1, position("5@2"));
      if (reason === "timeout") changes.expire(1000);
      else changes.settleAccepted(reason);
      assert.deepEqual(told, [{ kind: "unknown", reason }]);
      changes.settleAccepted("closing");
      assert.equal(told.length, 1, "each is told once");
    }
  });
});

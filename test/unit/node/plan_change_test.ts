/** The steps from one configuration to another, and what is refused. */

import type { CatchUp } from "../../../src/node/judge_change.ts";
import {
  type ChangePlan,
  type KnownOfMembers,
  membersMax,
  type NewMember,
  planChange,
  type WantedChange,
} from "../../../src/node/plan_change.ts";
import type { Configuration, Member, Suffrage } from "../../../src/raft/types.ts";
import { assert, describe, it } from "../../harness/test.ts";

const letters = { voter: "v", learner: "l", readOnly: "r" } as const;

/** `{1: "voter"}` and so on, each at its own addresses. */
function configuration(
  suffrages: Readonly<Record<number, Suffrage>>,
  nodeIdMax?: number,
): Configuration {
  const members = Object.entries(suffrages).map(([id, suffrage]): Member => ({
    ...{ id: Number(id), incarnation: incarnation(Number(id)), suffrage },
    addresses: addresses(Number(id)),
  }));
  return { members, nodeIdMax: nodeIdMax ?? Math.max(...members.map(({ id }) => id)) };
}

/** As the first one of a cluster is. */
function withoutAddresses({ members, nodeIdMax }: Configuration): Configuration {
  const unwritten = members.map(({ id, incarnation, suffrage }) => ({ id, incarnation, suffrage }));
  return { members: unwritten, nodeIdMax };
}

function incarnation(of: number): string {
  return of.toString(16).padStart(16, "0");
}

function addresses(of: number) {
  return { rpc: `n${of}:1`, http: `http://n${of}:2` };
}

/** A node that is not there yet, known as `of`. */
function newcomer(of: number, id?: number): NewMember {
  const member = { incarnation: incarnation(of), addresses: addresses(of) };
  return id === undefined ? member : { ...member, id };
}

/** `1v 2v 4l`; of a step that is not the last one also what it is to come to. */
function shown(plan: ChangePlan): string {
  const list = (members: readonly Member[]): string =>
    [...members].sort((a, b) => a.id - b.id)
      .map(({ id, suffrage }) => `${id}${letters[suffrage]}`).join(" ");
  switch (plan.kind) {
    case "done":
      return `done: ${plan.id}`;
    case "refused":
      return `${plan.refusal.reason}: ${plan.refusal.detail}`;
    case "catchUp":
      return `wait for ${plan.id} → ${list(plan.goal)}`;
    case "step": {
      const [members, goal] = [list(plan.members), list(plan.goal)];
      return `${plan.id}: ${members}${members === goal ? "" : ` → ${goal}`}`;
    }
  }
}

const nothingTold: KnownOfMembers = {
  catchUpOf: () => ({ kind: "caughtUp" }),
  addressesOf: () => undefined,
};

function planned(
  present: Configuration,
  wanted: WantedChange,
  catchUp: CatchUp = { kind: "caughtUp" },
): string {
  return shown(planChange(present, wanted, { ...nothingTold, catchUpOf: () => catchUp }));
}

const three = configuration({ 1: "voter", 2: "voter", 3: "voter" });

describe("Adding a node", () => {
  const add = (member: NewMember, suffrage: "learner" | "readOnly" = "learner") =>
    ({ kind: "add", member, suffrage }) as const;

  it("makes it a learner or read_only under the next free id, or a higher one", () => {
    assert.equal(planned(three, add(newcomer(4))), "4: 1v 2v 3v 4l");
    assert.equal(planned(three, add(newcomer(4), "readOnly")), "4: 1v 2v 3v 4r");
    assert.equal(planned(three, add(newcomer(4, 9))), "9: 1v 2v 3v 9l");
    const removed = configuration({ 1: "voter" }, 7);
    assert.equal(planned(removed, add(newcomer(4))), "8: 1v 8l");
  });

  it("writes down its incarnation and its addresses", () => {
    const plan = planChange(three, add(newcomer(4)), nothingTold);
    assert.deepEqual(plan.kind === "step" && plan.members.at(-1), {
      ...{ id: 4, incarnation: incarnation(4), suffrage: "learner", addresses: addresses(4) },
    });
  });

  it("that is there already changes nothing, whatever it was asked for as", () => {
    assert.equal(planned(three, add(newcomer(2))), "done: 2");
    assert.equal(planned(three, add(newcomer(2, 2), "readOnly")), "done: 2");
    assert.equal(
      planned(three, add(newcomer(2, 5))),
      "conflict: The data directory of incarnation 0000000000000002 is node 2, not 5",
    );
  });

  it("under an id that is or was used is refused, with the next free one", () => {
    assert.equal(
      planned(three, add(newcomer(4, 3))),
      "conflict: Node 3 is a member already, on another data directory; the next free id is 4",
    );
    const removed = configuration({ 1: "voter", 2: "voter" }, 5);
    assert.equal(
      planned(removed, add(newcomer(6, 5))),
      "conflict: Id 5 is not above 5, the highest ever used; the next free id is 6",
    );
    const last = 2 ** 32 - 1;
    assert.equal(
      planned(configuration({ 1: "voter" }, last), add(newcomer(4))),
      `conflict: No id is left: the highest one, ${last}, was used`,
    );
  });

  it("at an address that a member has only told of so far is refused as well", () => {
    const told: KnownOfMembers = { ...nothingTold, addressesOf: addresses };
    const at3 = add({ ...newcomer(4), addresses: addresses(3) });
    const present = withoutAddresses(three);
    assert.match(shown(planChange(present, at3, told)), /rpc is n3:1, which is .* of node 3/);
    assert.equal(shown(planChange(present, add(newcomer(4)), told)), "4: 1v 2v 3v 4l");
    const moved: KnownOfMembers = { ...nothingTold, addressesOf: () => addresses(4) };
    const at4 = planChange(configuration({ 1: "voter" }), add(newcomer(4)), moved);
    assert.match(shown(at4), /rpc is n4:1, which is an address of node 1/);
  });

  it("waits until it is known where the members are, but one of them may be replaced", () => {
    const present = withoutAddresses(configuration({ 1: "voter" }));
    const plan = planChange(present, add(newcomer(2)), nothingTold);
    assert.ok(plan.kind === "refused" && plan.refusal.mayPass, shown(plan));
    assert.match(shown(plan), /^conflict: Where node 1 can be reached has not been heard yet, /);
    assert.equal(planned(present, { kind: "replace", id: 1, by: newcomer(2) }), "2: 1v 2l → 2v");
  });

  it("at an address of another member is refused, and that one named", () => {
    const at = (some: Partial<NewMember["addresses"]>) =>
      planned(three, add({ ...newcomer(4), addresses: { ...addresses(4), ...some } }));
    assert.equal(
      at({ rpc: "n3:1" }),
      "conflict: rpc is n3:1, which is an address of node 3: replace that node (skein member " +
        "replace 3 n3:1 http://n4:2 --incarnation 0000000000000004) or remove it (skein member " +
        "remove 3); a node that joins is then started again",
    );
    assert.match(at({ http: "http://n2:2" }), /^conflict: http is .* of node 2:/);
    assert.match(
      at({ clientRpc: "n1:1" }),
      /^conflict: client_rpc is .* of node 1:.* --client-rpc n1:1 --inc/,
    );
  });

  it("that only its own machine reaches is refused where the members are on several", () => {
    const there = (some: Partial<NewMember["addresses"]>, present = three) =>
      planned(present, add({ ...newcomer(4), addresses: { ...addresses(4), ...some } }));
    assert.equal(
      there({ rpc: "127.0.0.1:7401" }),
      "conflict: rpc is 127.0.0.1:7401, which other machines cannot reach, and node 1 is at " +
        "n1:1: set rpc_addr or rpc_advertise_addr of the new node to where the members reach it",
    );
    assert.match(there({ http: "http://localhost:7400" }), /^conflict: http is http:\/\/localhost/);
    assert.match(there({ rpc: "[::1]:7401" }), /^conflict: rpc is \[::1\]:7401/);
    const local = { rpc: "127.0.0.1:1", http: "http://[::1]:2" };
    const one: Configuration = {
      ...{ members: [{ ...three.members[0]!, addresses: local }], nodeIdMax: 3 },
    };
    assert.match(there({ rpc: "127.0.0.1:7401" }, one), /^4: 1v 4l/, "all on one machine");
    assert.match(there({}, one), /^4: 1v 4l/);
  });

  it("to the most members that there may be is refused", () => {
    const full = configuration(
      Object.fromEntries(Array.from({ length: membersMax }, (_, at) => [at + 1, "voter" as const])),
    );
    assert.match(planned(full, add(newcomer(99))), /^conflict: The cluster has 64 members/);
  });
});

describe("Another suffrage", () => {
  const set = (id: number, suffrage: Suffrage) => ({ kind: "setSuffrage", id, suffrage }) as const;
  const present = configuration({ 1: "voter", 2: "voter", 4: "learner", 5: "readOnly" });

  it("is given to a learner that has caught up, and taken from a voter", () => {
    assert.equal(planned(present, set(4, "voter")), "4: 1v 2v 4v 5r");
    assert.equal(planned(present, set(2, "learner")), "2: 1v 2l 4l 5r");
    assert.equal(planned(present, set(2, "readOnly")), "2: 1v 2r 4l 5r");
    assert.equal(planned(present, set(5, "learner")), "5: 1v 2v 4l 5l");
  });

  it("changes nothing where it is the present one", () => {
    assert.equal(planned(present, set(5, "readOnly")), "done: 5");
    assert.equal(planned(present, set(1, "voter"), { kind: "silent" }), "done: 1");
  });

  it("is refused to a learner that has not caught up, for now", () => {
    const cases: readonly (readonly [CatchUp, string])[] = [
      [{ kind: "behind", entries: 5000 }, "it has to catch up, 5000 entries behind"],
      [{ kind: "applying", entries: 20_000 }, "its store has to apply 20000 entries"],
      [{ kind: "silent" }, "the leader does not hear it"],
    ];
    for (const [catchUp, why] of cases) {
      const plan = planChange(present, set(4, "voter"), {
        ...nothingTold,
        catchUpOf: () => catchUp,
      });
      assert.equal(shown(plan), `conflict: Node 4 cannot vote yet: ${why}`);
      assert.ok(plan.kind === "refused" && plan.refusal.mayPass);
    }
  });

  it("of a voter is never given to who is read_only, but by way of a learner", () => {
    assert.equal(
      planned(present, set(5, "voter")),
      "conflict: Node 5 is read_only, which is never made a voter; make it a learner first",
    );
  });

  it("is not taken from the last voter", () => {
    const alone = configuration({ 1: "voter", 2: "learner" });
    assert.equal(
      planned(alone, set(1, "learner")),
      "lastVoter: Node 1 is the last voter: nobody could decide anything without it",
    );
  });

  it("is not given to a stranger", () => {
    assert.equal(
      planned(present, set(9, "voter")),
      "notMember: Node 9 is no member of this cluster",
    );
  });
});

describe("Removing a node", () => {
  const remove = (id: number) => ({ kind: "remove", id }) as const;

  it("leaves the others as they are", () => {
    assert.equal(planned(three, remove(2)), "2: 1v 3v");
    assert.equal(planned(configuration({ 1: "voter", 2: "learner" }), remove(2)), "2: 1v");
  });

  it("is refused of the last voter, and of who is no member", () => {
    assert.match(
      planned(configuration({ 1: "voter", 2: "learner" }), remove(1)),
      /^lastVoter: Node 1 is the last voter/,
    );
    assert.match(planned(three, remove(4)), /^notMember: Node 4 is no member of this cluster$/);
    assert.equal(
      planned(configuration({ 1: "voter", 4: "voter" }), remove(2)),
      "notMember: Node 2 is no member any more: it was removed, or its id was passed over",
    );
  });
});

describe("Replacing a node", () => {
  const replace = (id: number, by: NewMember) => ({ kind: "replace", id, by }) as const;

  it("adds a learner, waits for it, and then makes one change of both", () => {
    const wanted = replace(3, newcomer(4));
    assert.equal(planned(three, wanted), "4: 1v 2v 3v 4l → 1v 2v 4v");
    const added = configuration({ 1: "voter", 2: "voter", 3: "voter", 4: "learner" });
    assert.equal(
      planned(added, wanted, { kind: "behind", entries: 2000 }),
      "wait for 4 → 1v 2v 4v",
    );
    assert.equal(planned(added, wanted), "4: 1v 2v 4v");
    const replaced = configuration({ 1: "voter", 2: "voter", 4: "voter" });
    assert.equal(planned(replaced, wanted), "done: 4");
    assert.equal(
      planned(replaced, { ...wanted, id: 9 }),
      "notMember: Node 9 is no member of this cluster",
    );
  });

  it("removes the old one alone where the newcomer votes already", () => {
    const promoted = configuration({ 1: "voter", 2: "voter", 3: "voter", 4: "voter" });
    assert.equal(planned(promoted, replace(3, newcomer(4))), "4: 1v 2v 4v");
  });

  it("that does not vote is one change at once, by a node that does not either", () => {
    const present = configuration({ 1: "voter", 2: "readOnly", 3: "learner" });
    assert.equal(planned(present, replace(2, newcomer(4))), "4: 1v 3l 4r");
    assert.equal(planned(present, replace(3, newcomer(4))), "4: 1v 2r 4l");
  });

  it("may take over the addresses of the old one, and no others", () => {
    const at = (of: number) => ({ ...newcomer(4), addresses: addresses(of) });
    assert.equal(planned(three, replace(3, at(3))), "4: 1v 2v 3v 4l → 1v 2v 4v");
    assert.match(planned(three, replace(3, at(2))), /^conflict: rpc is n2:1, .* of node 2:/);
  });

  it("of the last voter is possible", () => {
    const wanted = replace(1, newcomer(2));
    assert.equal(planned(configuration({ 1: "voter" }), wanted), "2: 1v 2l → 2v");
    assert.equal(planned(configuration({ 1: "voter", 2: "learner" }), wanted), "2: 2v");
  });

  it("is refused where it makes no sense", () => {
    assert.equal(
      planned(three, replace(9, newcomer(4))),
      "notMember: Node 9 is no member of this cluster",
    );
    assert.equal(
      planned(three, replace(3, newcomer(3))),
      "conflict: Node 3 cannot replace itself",
    );
    assert.match(planned(three, replace(3, newcomer(4, 2))), /^conflict: Node 2 is a member/);
    assert.match(planned(three, replace(3, newcomer(1, 4))), /^conflict: .* is node 1, not 4$/);
    const readOnly = configuration({ 1: "voter", 3: "voter", 4: "readOnly" });
    assert.match(planned(readOnly, replace(3, newcomer(4))), /^conflict: Node 4 is read_only/);
  });
});

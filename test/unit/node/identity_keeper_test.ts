import { identify, IdentityKeeper } from "../../../src/node/identity_keeper.ts";
import { DiskFullError, type Identity, type IdentityStore } from "../../../src/node/ports.ts";
import { assert, describe, it } from "../../harness/test.ts";

const identity: Identity = {
  ...{ clusterId: "c", nodeId: 1, incarnation: "0000000000001111" },
  ...{ starts: 4, logEpoch: 2, recovering: false },
};

/** A store whose saves last until they are ended, in their order. */
class SlowStore implements IdentityStore {
  readonly saves: { readonly identity: Identity; readonly end: () => void }[] = [];
  #stored: Identity | undefined;

  constructor(stored?: Identity) {
    this.#stored = stored;
  }

  load(): Identity | undefined {
    return this.#stored;
  }

  save(changed: Identity, done: () => void): void {
    const end = (): void => {
      this.#stored = changed;
      done();
    };
    this.saves.push({ identity: changed, end });
  }
}

describe("The keeper of an identity", () => {
  it("shows a change when it stands on disk, and not before", () => {
    const store = new SlowStore(identity);
    const keeper = new IdentityKeeper(store, identity);
    let isDone = false;
    keeper.change({ recovering: true, logEpoch: 3 }, () => isDone = true);
    assert.deepEqual([keeper.identity, isDone], [identity, false]);
    store.saves[0]!.end();
    assert.deepEqual(keeper.identity, { ...identity, recovering: true, logEpoch: 3 });
    assert.equal(isDone, true);
  });

  it("loses none of two changes that are under way at once", () => {
    const store = new SlowStore(identity);
    const keeper = new IdentityKeeper(store, identity);
    keeper.change({ recovering: true });
    keeper.change({ refused: "no" });
    for (const { end } of store.saves) end();
    assert.deepEqual(store.load(), { ...identity, recovering: true, refused: "no" });
    assert.deepEqual(keeper.identity, store.load());
  });
});

describe("The keeper of an identity that cannot be saved", () => {
  it("keeps what there was, and changes nothing else later", () => {
    const store = new SlowStore(identity);
    const keeper = new IdentityKeeper(store, identity);
    const save = store.save.bind(store);
    store.save = () => {
      throw new DiskFullError("no space left");
    };
    assert.throws(() => keeper.change({ refused: "no" }), DiskFullError);
    store.save = save;
    keeper.change({ recovering: true });
    store.saves[0]!.end();
    assert.deepEqual(keeper.identity, { ...identity, recovering: true });
  });
});

describe("A start", () => {
  const parts = { clusterId: "c", nodeId: 1, drawIncarnation: () => "000000000000aaaa" };

  it("is counted and written down before anything else happens", () => {
    const store = new SlowStore(identity);
    const keepers: IdentityKeeper[] = [];
    identify({ ...parts, store }, (keeper) => keepers.push(keeper));
    assert.equal(keepers.length, 0);
    store.saves[0]!.end();
    assert.deepEqual(keepers.map((keeper) => keeper.identity), [{ ...identity, starts: 5 }]);
    assert.equal(store.load()?.starts, 5);
  });

  it("on an empty directory draws who it is", () => {
    const store = new SlowStore();
    let keeper: IdentityKeeper | undefined;
    identify({ ...parts, store }, (made) => keeper = made);
    store.saves[0]!.end();
    assert.deepEqual(keeper?.identity, {
      ...{ clusterId: "c", nodeId: 1, incarnation: "000000000000aaaa" },
      ...{ starts: 1, logEpoch: 1, recovering: false },
    });
  });
});

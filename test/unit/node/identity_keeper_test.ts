import { identify, IdentityKeeper } from "../../../src/node/identity_keeper.ts";
import {
  DiskFullError,
  FatalStorageError,
  type Identity,
  type IdentityStore,
} from "../../../src/node/ports.ts";
import { assert, describe, it } from "../../harness/test.ts";

const identity: Identity = {
  ...{ clusterId: "c", nodeId: 1, incarnation: "0000000000001111" },
  ...{ starts: 4, logEpoch: 2, recovering: false },
};

/** A store whose saves last until they are ended, in their order. */
class SlowStore implements IdentityStore {
  readonly saves: {
    readonly identity: Identity;
    readonly end: () => void;
    readonly dropped: ((error?: unknown) => void) | undefined;
  }[] = [];
  #stored: Identity | undefined;

  constructor(stored?: Identity) {
    this.#stored = stored;
  }

  load(): Identity | undefined {
    return this.#stored;
  }

  save(changed: Identity, done: () => void, dropped?: (error?: unknown) => void): void {
    const end = (): void => {
      this.#stored = changed;
      done();
    };
    this.saves.push({ identity: changed, end, dropped });
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

describe("The keeper of an identity, of what is only noted", () => {
  const starts = [{ id: 2, incarnation: "0000000000002222", starts: 3, nonce: 9 }];
  const noting = () => {
    const store = new SlowStore(identity);
    const keeper = new IdentityKeeper(store, identity);
    const failures: unknown[] = [];
    const note = (): void => keeper.note({ peerStarts: starts }, (error) => failures.push(error));
    note();
    return { store, keeper, failures, note };
  };

  it("shows it when it stands on disk, and notes one thing at a time", () => {
    const { store, keeper, failures, note } = noting();
    note();
    assert.equal(store.saves.length, 1);
    assert.deepEqual(keeper.identity, identity);
    store.saves[0]!.end();
    assert.deepEqual(keeper.identity, { ...identity, peerStarts: starts });
    assert.deepEqual(failures, []);
  });

  it("lets a change that comes meanwhile take its place, and none of it is lost", () => {
    for (const isDropped of [true, false]) {
      const { store, keeper, note } = noting();
      keeper.change({ refused: "no" });
      const [noted, changed] = store.saves;
      if (isDropped) noted!.dropped?.();
      else noted!.end();
      changed!.end();
      assert.deepEqual(keeper.identity, { ...identity, refused: "no" });
      note();
      store.saves[2]!.end();
      assert.deepEqual(keeper.identity, { ...identity, refused: "no", peerStarts: starts });
    }
  });

  it("tries it again after a full disk, and tells of every other failure", () => {
    const { store, keeper, failures, note } = noting();
    store.saves[0]!.dropped?.(new DiskFullError("no space left"));
    assert.deepEqual([keeper.identity, failures], [identity, []]);
    note();
    const error = new FatalStorageError("EIO");
    store.saves[1]!.dropped?.(error);
    assert.deepEqual([keeper.identity, failures], [identity, [error]]);
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

/** The IdentityStore in memory: what was saved stays as long as the object does. */

import type { Identity, IdentityStore } from "../../node/ports.ts";

/** For tests and for nodes that may forget who they were. */
export class MemoryIdentity implements IdentityStore {
  #identity: Identity | undefined;

  load(): Identity | undefined {
    return this.#identity;
  }

  save(identity: Identity, done: () => void): void {
    this.#identity = identity;
    done();
  }
}

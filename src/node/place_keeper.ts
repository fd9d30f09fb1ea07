/**
 * Follows what this node is in its cluster (place.ts), by its own store and by what members tell
 * it, and writes down what has to outlive the process: that the cluster was found, or that it goes
 * on without this node.
 */

import { Listeners } from "../lib/listeners.ts";
import type { Index, PositionedConfiguration } from "../raft/types.ts";
import type { IdentityKeeper } from "./identity_keeper.ts";
import { removalOf } from "./peers.ts";
import { type Place, placeOf } from "./place.ts";
import { DiskFullError } from "./ports.ts";

/** To be looked at when the store has moved, and now and then. */
export class PlaceKeeper {
  readonly #keeper: IdentityKeeper;
  readonly #applied: () => PositionedConfiguration;
  readonly #onPlace = new Listeners<Place>();
  #place: Place;
  /** The index of the configuration by which the place was judged last. */
  #judgedBy: Index = 0;

  /** `applied`: the configuration that the store has come to. */
  constructor(keeper: IdentityKeeper, applied: () => PositionedConfiguration) {
    this.#keeper = keeper;
    this.#applied = applied;
    this.#place = placeOf(keeper.identity, applied());
  }

  get place(): Place {
    return this.#place;
  }

  /** The handler is told what the place has changed to. */
  onPlace(handler: (place: Place) => void): () => void {
    return this.#onPlace.add(handler);
  }

  /** The store has applied something. Cheap where that was no configuration. */
  applied(): void {
    const { index } = this.#applied().position;
    if (index === this.#judgedBy) return;
    this.#judgedBy = index;
    this.look();
  }

  look(): void {
    // Whoever was told of its removal has a store that may know nothing of it.
    if (this.#place === "removed") return this.#note();
    this.#move(placeOf(this.#keeper.identity, this.#applied()));
  }

  /** A member has said so. */
  removed(): void {
    this.#move("removed");
  }

  #move(place: Place): void {
    const isNews = place !== this.#place;
    this.#place = place;
    this.#note();
    if (isNews) this.#onPlace.tell(place);
  }

  /** The first configurations of a cluster tell of nobody where it is. */
  #knowsTheOthers(): boolean {
    const { nodeId } = this.#keeper.identity;
    const { members } = this.#applied().configuration;
    return members.every(({ id, addresses }) => id === nodeId || addresses !== undefined);
  }

  /** What was not written because the disk is full is tried again at the next look. */
  #note(): void {
    const { joining, refused, nodeId } = this.#keeper.identity;
    try {
      if (this.#place === "member" && joining !== undefined && this.#knowsTheOthers()) {
        this.#keeper.forgetJoining();
      }
      if (this.#place === "removed" && refused === undefined) {
        this.#keeper.change({ refused: removalOf(nodeId) });
      }
    } catch (error) {
      if (!(error instanceof DiskFullError)) throw error;
    }
  }
}

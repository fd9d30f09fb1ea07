/** Locks and elections on one node: how many may wait, and how they end with it. */

import type {
  Contend,
  Contending,
  ContestService,
  Header,
  KvService,
  OpenElection,
  RequestOptions,
  WriteOptions,
} from "./contract.ts";
import { type ContestedStore, ContestHub } from "./contest_hub.ts";
import { type ContestPlaceParts, Place } from "./contest_place.ts";
import { Election } from "./election.ts";
import { clientGone } from "./gone.ts";
import type { ServedNode } from "./node_port.ts";
import { readFailed } from "./outcome_errors.ts";

/** What the service stands on. */
export interface NodeContestServiceParts extends Omit<ContestPlaceParts, "hub"> {
  readonly kv: KvService;
  readonly node: Pick<ServedNode, "onApplied">;
  readonly store: ContestedStore;
  /** Among the watches of the node; throws where there is none. */
  readonly takePlace: () => () => void;
}

/** ContestService over one node. */
export class NodeContestService implements ContestService {
  readonly #parts: NodeContestServiceParts;
  readonly #hub: ContestHub;
  /** What has to hear that the node shuts down. */
  readonly #open = new Set<() => void>();
  #isClosed = false;

  constructor(parts: NodeContestServiceParts) {
    this.#parts = parts;
    this.#hub = new ContestHub(parts.node, parts.store);
  }

  /** How many wait or follow. */
  get size(): number {
    return this.#open.size;
  }

  async contend(contend: Contend, options: WriteOptions): Promise<Contending> {
    const giveBack = contend.queue ? this.#takePlace() : () => {};
    let isWaiting = false;
    try {
      const asked = await this.#ask(contend, options, giveBack);
      isWaiting = asked.place !== undefined;
      return asked;
    } finally {
      if (!isWaiting) giveBack();
    }
  }

  /** The client may go while this is decided: only then is there something to give up. */
  async #ask(
    contend: Contend,
    { signal, idempotency, ...options }: WriteOptions,
    giveBack: () => void,
  ): Promise<Contending> {
    const once = idempotency === undefined ? {} : { idempotency };
    const askedMs = this.#parts.monotonicMs();
    const { result, header } = await this.#parts.kv.write(contend, { ...options, ...once });
    const isTaken = result.kind === "contest" && result.own !== undefined;
    const isQueued = isTaken && result.before > 0;
    if (!isTaken || (isQueued && !contend.queue)) return { result, header, place: undefined };
    const isGone = signal?.aborted === true;
    // What a repetition is told was so when it was first asked: it may have been lost since.
    const isSure = !isQueued && result.replayed !== true;
    if (isSure && !isGone) return { result, header, place: undefined };
    const place = this.#place({
      ...{ contend, own: result.own, asked: result.revision, askedMs },
      isRepeatable: idempotency !== undefined,
      options: { ...options, ...(signal === undefined ? {} : { signal }) },
    }, giveBack);
    if (!isGone) return { result, header, place };
    await place.close();
    throw clientGone("unknown");
  }

  #place(taken: ConstructorParameters<typeof Place>[1], giveBack: () => void): Place {
    const parts = { ...this.#parts, hub: this.#hub };
    const endWait = () => place.endWait();
    const place = new Place(parts, taken, () => {
      this.#open.delete(endWait);
      giveBack();
    });
    this.#open.add(endWait);
    if (this.#isClosed) endWait();
    return place;
  }

  async follow(
    name: Uint8Array,
    options: RequestOptions,
  ): Promise<{ readonly election: OpenElection; readonly header: Header }> {
    const giveBack = this.#takePlace();
    const end = () => election.close();
    const election = new Election({ ...this.#parts, hub: this.#hub }, name, () => {
      this.#open.delete(end);
      giveBack();
    });
    this.#open.add(end);
    try {
      const header = await election.open(options);
      return { election, header };
    } catch (error) {
      election.close();
      throw error;
    }
  }

  #takePlace(): () => void {
    if (this.#isClosed) throw readFailed("closing", this.#parts.self);
    return this.#parts.takePlace();
  }

  /** Whoever waits has to go on elsewhere. */
  close(): void {
    this.#isClosed = true;
    for (const end of [...this.#open]) end();
    this.#hub.close();
  }
}

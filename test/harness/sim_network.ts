/**
 * The network of the simulation: a Transport for every node, and between each two of them, in each
 * direction, a link with a delay, losses, repetitions and cuts, all drawn from one seed.
 *
 * A link behaves like the real transport's stream: it is opened by a Hello that the other side
 * judges, keeps the order, and when it breaks it loses what was under way, all but a prefix drawn
 * at random, and tells its sender. With `datagrams` every message travels for itself instead: it
 * may be lost, arrive twice, and overtake others.
 */

import type { Prng } from "../../src/lib/prng.ts";
import type { Hello, HelloAnswer } from "../../src/node/ports.ts";
import type { Envelope } from "../../src/raft/message.ts";
import { type LinkNetwork, SimLink } from "./sim_link.ts";
import type { SimProcess } from "./sim_process.ts";
import type { SimScheduler } from "./sim_scheduler.ts";
import { SimTransport, type TransportNetwork } from "./sim_transport.ts";

export interface SimNetworkOptions {
  readonly delayMinUs: number;
  /** The delay is the minimum and up to this more; one message in fifty takes ten times as long. */
  readonly delaySpreadUs: number;
  /** Of a thousand messages so many are lost; on a stream each takes the stream with it. */
  readonly lossPermille: number;
  /** Of a thousand datagrams so many arrive a second time, up to this much later. */
  readonly repeatPermille: number;
  readonly repeatDelayMaxUs: number;
  readonly datagrams: boolean;
  /** Messages under way on one link; what comes on top is dropped. */
  readonly capacity: number;
}

/** Nothing is lost, and a message takes between 200 and 400 µs. */
export const calmNetwork: SimNetworkOptions = {
  delayMinUs: 200,
  delaySpreadUs: 200,
  lossPermille: 0,
  repeatPermille: 0,
  repeatDelayMaxUs: 0,
  datagrams: false,
  capacity: 10_000,
};

/** How long somebody waits for an answer that does not come. */
const unansweredUs = 1_000_000;

export class SimNetwork implements LinkNetwork, TransportNetwork {
  readonly scheduler: SimScheduler;
  readonly prng: Prng;
  options: SimNetworkOptions;
  readonly #nodes = new Map<string, SimTransport>();
  readonly #links = new Map<string, SimLink>();
  readonly #cuts = new Set<string>();
  /** Messages that arrived. */
  delivered = 0;
  /** Called for each message as a node hands it over, with the address of that node. */
  onSend: (envelope: Envelope, from: string) => void = () => {};
  /** Called for each message right before it arrives. */
  onDeliver: (envelope: Envelope) => void = () => {};

  constructor(
    parts: { readonly scheduler: SimScheduler; readonly prng: Prng },
    options: SimNetworkOptions = calmNetwork,
  ) {
    this.scheduler = parts.scheduler;
    this.prng = parts.prng;
    this.options = options;
  }

  /** A transport that listens at `address`; a new one for every start of a node. */
  open(address: string, process: SimProcess): SimTransport {
    // A stream of the process before it must not reach this one: it would not have said Hello.
    this.leave(address);
    const transport = new SimTransport({ network: this, address, process });
    this.#nodes.set(address, transport);
    return transport;
  }

  /** Nothing gets from one address to the other any more; the way back is not touched. */
  cut(from: string, to: string): void {
    this.#cuts.add(linkName(from, to));
    this.scheduler.trace(`cut ${from} to ${to}`);
    this.link(from, to).break("cut");
  }

  /** Undoes {@link cut}. */
  mend(from: string, to: string): void {
    this.#cuts.delete(linkName(from, to));
    this.scheduler.trace(`mend ${from} to ${to}`);
  }

  /** Cuts every link between addresses of different groups, both ways, and mends all others. */
  partition(groups: readonly (readonly string[])[]): void {
    const groupOf = new Map(
      groups.flatMap((group, at) => group.map((each) => [each, at] as const)),
    );
    for (const from of groupOf.keys()) {
      for (const to of groupOf.keys()) {
        if (from === to) continue;
        const apart = groupOf.get(from) !== groupOf.get(to);
        if (apart && !this.isCut(from, to)) this.cut(from, to);
        if (!apart && this.isCut(from, to)) this.mend(from, to);
      }
    }
  }

  /** Mends everything, and nothing that is sent from now on waits behind a clog. */
  heal(): void {
    for (const link of this.#links.values()) link.clog(0);
    for (const name of [...this.#cuts]) {
      const [from = "", to = ""] = name.split(" ");
      this.mend(from, to);
    }
  }

  /** The connection breaks and can be made anew at once. */
  reset(from: string, to: string): void {
    this.link(from, to).break("reset");
  }

  /** What is sent on this way waits for so long; nothing is lost. */
  clog(from: string, to: string, forUs: number): void {
    this.scheduler.trace(`clog ${from} to ${to} for ${forUs}`);
    this.link(from, to).clog(this.scheduler.nowUs + forUs);
  }

  isCut(from: string, to: string): boolean {
    return this.#cuts.has(linkName(from, to));
  }

  /** Who listens at an address and lives. */
  at(address: string): SimTransport | undefined {
    const node = this.#nodes.get(address);
    return node?.isOpen === true ? node : undefined;
  }

  link(from: string, to: string): SimLink {
    const name = linkName(from, to);
    let link = this.#links.get(name);
    if (link === undefined) {
      link = new SimLink({ network: this, from, to });
      this.#links.set(name, link);
    }
    return link;
  }

  /** A transport is gone: every stream that it opened or took breaks. */
  leave(address: string): void {
    for (const link of this.#links.values()) {
      if (link.from === address || link.to === address) link.break("closed");
    }
  }

  drawDelayUs(): number {
    const { delayMinUs, delaySpreadUs } = this.options;
    const delayUs = delayMinUs + this.prng.below(delaySpreadUs + 1);
    return this.prng.chance(1, 50) ? 10 * delayUs : delayUs;
  }

  isLost(): boolean {
    return this.prng.chance(this.options.lossPermille, 1_000);
  }

  /** Asks who listens at an address. */
  ask(
    way: { readonly from: string; readonly to: string },
    mine: Hello,
    done: (answer: HelloAnswer | undefined) => void,
  ): void {
    this.question(way, { put: (target, answer) => target.judge(mine, answer), done });
  }

  /**
   * A question and its answer, each of which needs its direction. `done` is called with undefined
   * after a while when there is none.
   */
  question<Answer>(
    { from, to }: { readonly from: string; readonly to: string },
    { put, done }: {
      readonly put: (target: SimTransport, answer: (answer: Answer) => void) => void;
      readonly done: (answer: Answer | undefined) => void;
    },
  ): void {
    let isWaiting = true;
    const finish = (answer: Answer | undefined): void => {
      if (isWaiting) done(answer);
      isWaiting = false;
    };
    this.scheduler.after(this.drawDelayUs(), () => {
      // Also for who is asked and dies, or stands still, before it answers.
      this.scheduler.after(unansweredUs, () => finish(undefined));
      const target = this.at(to);
      if (target === undefined || this.isCut(from, to) || this.isLost()) return;
      put(target, (answer) => {
        if (this.isCut(to, from) || this.isLost()) return;
        this.scheduler.after(this.drawDelayUs(), () => finish(answer));
      });
    });
  }
}

function linkName(from: string, to: string): string {
  return `${from} ${to}`;
}

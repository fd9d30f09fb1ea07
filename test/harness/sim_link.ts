/** One direction between two addresses of the simulated network. */

import type { Prng } from "../../src/lib/prng.ts";
import type { Hello, HelloAnswer } from "../../src/node/ports.ts";
import type { Envelope } from "../../src/raft/message.ts";
import { formatEnvelope } from "../../src/raft/format.ts";
import type { NodeId } from "../../src/raft/types.ts";
import type { SimProcess } from "./sim_process.ts";
import type { SimScheduler } from "./sim_scheduler.ts";

/** What a link needs of the network that it is part of. */
export interface LinkNetwork {
  readonly scheduler: SimScheduler;
  readonly prng: Prng;
  readonly options: {
    readonly datagrams: boolean;
    readonly repeatPermille: number;
    readonly repeatDelayMaxUs: number;
    readonly capacity: number;
  };
  delivered: number;
  onDeliver(envelope: Envelope): void;
  at(address: string): LinkEnd | undefined;
  isCut(from: string, to: string): boolean;
  isLost(): boolean;
  drawDelayUs(): number;
  ask(
    way: { readonly from: string; readonly to: string },
    mine: Hello,
    done: (answer: HelloAnswer | undefined) => void,
  ): void;
}

/** The node at either end. */
export interface LinkEnd {
  readonly process: SimProcess;
  /** What it says of itself when it opens a stream to `to`. */
  helloFor(to: NodeId): Hello | undefined;
  /** Whether the one who answered may be talked to. */
  accepts(peer: NodeId, answer: HelloAnswer): boolean;
  /** A stream to it that opened with this Hello is open, or has ended. */
  streamOpened(hello: Hello): void;
  streamClosed(hello: Hello): void;
  /** `from`: the address at the other end. */
  deliver(envelope: Envelope, from: string): void;
  tellUnreachable(peer: NodeId): void;
}

/** How long a sender needs to find out that its stream is dead. */
const detectionUs = 500;
/** How long it waits before it opens the next one to a peer that it wants. */
const redialUs = 250_000;

export class SimLink {
  readonly from: string;
  readonly to: string;
  readonly #network: LinkNetwork;
  /** Waiting for the stream to open, or under way on it, oldest first. */
  #underWay: Envelope[] = [];
  /** Handed to a stream that is broken already, though the sender has not found out. */
  #swallowed: Envelope[] = [];
  #state: "closed" | "opening" | "open" | "broken" = "closed";
  /** The peer to whom a stream is to be open, whether there is something to say or not. */
  #wanted: NodeId | undefined;
  /** Somebody looks after a while whether it has to be opened again. */
  #redials = false;
  /** What the open stream began with. */
  #hello: Hello | undefined;
  /** Raised when the stream breaks: what was scheduled for the one before means nothing. */
  #generation = 0;
  /** A stream keeps the order: nothing arrives before what was sent earlier. */
  #lastArrivalUs = 0;
  #cloggedUntilUs = 0;

  constructor(parts: {
    readonly network: LinkNetwork;
    readonly from: string;
    readonly to: string;
  }) {
    this.#network = parts.network;
    this.from = parts.from;
    this.to = parts.to;
  }

  /** Keeps a stream to `peer` open from now on; undefined: no longer than it is of use. */
  want(peer: NodeId | undefined): void {
    this.#wanted = peer;
    if (peer !== undefined && this.#state === "closed") this.#open(peer);
  }

  send(envelope: Envelope): void {
    if (this.#underWay.length >= this.#network.options.capacity) return this.#drop(envelope);
    if (this.#network.options.datagrams) return this.#sendDatagram(envelope);
    if (this.#state === "open" || this.#state === "broken") return this.#travel(envelope);
    this.#underWay.push(envelope);
    if (this.#state === "closed") this.#open(envelope.to);
  }

  /** Nothing that is sent from now on arrives before `untilUs`; 0 ends that. */
  clog(untilUs: number): void {
    this.#cloggedUntilUs = untilUs;
  }

  /** The stream ends; a prefix of what was under way still arrives, the rest is lost. */
  break(reason: string): void {
    if (this.#state === "closed" && this.#underWay.length === 0) return;
    const { prng, scheduler } = this.#network;
    this.#redialLater();
    const wasOpen = this.#state === "open" || this.#state === "broken";
    const arriving = wasOpen && reason !== "cut"
      ? this.#underWay.splice(0, prng.below(this.#underWay.length + 1))
      : [];
    const lost = [...this.#underWay, ...this.#swallowed];
    scheduler.trace(`${this.from} to ${this.to} breaks (${reason}), loses ${lost.length}`);
    this.#underWay = [];
    this.#swallowed = [];
    if (this.#hello !== undefined) this.#network.at(this.to)?.streamClosed(this.#hello);
    this.#hello = undefined;
    this.#state = "closed";
    this.#generation++;
    for (const envelope of arriving) this.#arrive(envelope);
    for (const peer of new Set(lost.map(({ to }) => to))) this.#tellLater(peer);
  }

  #redialLater(): void {
    if (this.#wanted === undefined || this.#redials) return;
    this.#redials = true;
    this.#network.scheduler.after(redialUs, () => {
      this.#redials = false;
      this.want(this.#wanted);
    });
  }

  #open(peer: NodeId): void {
    const sender = this.#network.at(this.from);
    const mine = sender?.helloFor(peer);
    if (sender === undefined || mine === undefined) return this.break("no hello");
    this.#state = "opening";
    const generation = this.#generation;
    const opened = (answer: HelloAnswer | undefined): void => {
      if (generation !== this.#generation) return;
      if (answer === undefined) return this.break("no answer");
      sender.process.run(() => {
        if (generation !== this.#generation) return;
        if (!sender.accepts(peer, answer)) return this.break("refused");
        this.#state = "open";
        this.#hello = mine;
        this.#network.at(this.to)?.streamOpened(mine);
        for (const envelope of this.#underWay.splice(0)) this.#travel(envelope);
      });
    };
    this.#network.ask({ from: this.from, to: this.to }, mine, opened);
  }

  /** Gives a message its time of arrival, behind those that were sent earlier. */
  #travel(envelope: Envelope): void {
    const { scheduler } = this.#network;
    if (this.#state === "broken") return void this.#swallowed.push(envelope);
    if (this.#network.isLost()) {
      // A stream cannot lose one message of many: with it goes whatever is sent behind it.
      this.#state = "broken";
      this.#swallowed.push(envelope);
      scheduler.after(detectionUs, this.#guarded(() => this.break("loss")));
      return;
    }
    this.#underWay.push(envelope);
    const arrivalUs = Math.max(this.#lastArrivalUs, scheduler.nowUs + this.#drawDelayUs());
    this.#lastArrivalUs = arrivalUs;
    scheduler.after(
      arrivalUs - scheduler.nowUs,
      this.#guarded(() => {
        const oldest = this.#underWay.shift();
        if (oldest !== undefined) this.#arrive(oldest);
      }),
    );
  }

  #guarded(run: () => void): () => void {
    const generation = this.#generation;
    return () => {
      if (generation === this.#generation) run();
    };
  }

  #sendDatagram(envelope: Envelope): void {
    const { prng, scheduler, options } = this.#network;
    const copies = prng.chance(options.repeatPermille, 1_000) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#network.isLost()) continue;
      const lateUs = copy === 0 ? 0 : prng.below(options.repeatDelayMaxUs + 1);
      scheduler.after(this.#drawDelayUs() + lateUs, () => this.#arrive(envelope));
    }
  }

  #drawDelayUs(): number {
    const cloggedUs = this.#cloggedUntilUs - this.#network.scheduler.nowUs;
    return Math.max(0, cloggedUs) + this.#network.drawDelayUs();
  }

  #arrive(envelope: Envelope): void {
    const target = this.#network.at(this.to);
    if (target === undefined || this.#network.isCut(this.from, this.to)) {
      return this.#drop(envelope);
    }
    const { from, to, term, message } = envelope;
    const text = `${from} to ${to} term ${term} ${message.kind}`;
    this.#network.scheduler.trace(text, () => formatEnvelope(envelope));
    this.#network.delivered++;
    this.#network.onDeliver(envelope);
    target.deliver(envelope, this.from);
  }

  #drop(envelope: Envelope): void {
    this.#network.scheduler.trace(`${this.from} to ${this.to} drops ${envelope.message.kind}`);
    this.#tellLater(envelope.to);
  }

  #tellLater(peer: number): void {
    const sender = this.#network.at(this.from);
    this.#network.scheduler.after(detectionUs, () => sender?.tellUnreachable(peer));
  }
}

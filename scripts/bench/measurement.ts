/** What the generator is told to do, and what it tells back: JSON between two processes. */

import type { LatencySummary } from "./histogram.ts";

export type SystemName = "skein" | "etcd";
export type Surface = "rest" | "grpc";

/** `fill` puts every key once; the others draw keys at random. `range` is skein's over REST. */
export type Operation = "fill" | "write" | "linearizableRead" | "eventualRead" | "range";

/** So many keys, and their values, one call of `range` reads. */
export const rangeKeys = 1_000;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface LoadOrder {
  readonly system: SystemName;
  readonly surface: Surface;
  readonly operation: Operation;
  /** Connections are dealt out over these in turn. */
  readonly targets: readonly Address[];
  /** For gRPC; over REST every client has a connection of its own. */
  readonly connections: number;
  /** Each has one call under way, and makes the next when it is answered. */
  readonly clients: number;
  /** Calls are made ready for so many keys: the first ones, or those that are drawn. */
  readonly keys: number;
  /** The keys are drawn from so many, each of which exists. */
  readonly drawnFrom?: number;
  readonly keyBytes: number;
  readonly valueBytes: number;
  readonly seed: number;
  /** Calls answered in this time do not count. */
  readonly warmupMs: number;
  readonly measureMs: number;
  /** Ends the measured part sooner. */
  readonly operationsMax?: number;
  /** The processes whose CPU time is asked at both ends of the measured part. */
  readonly serverPids: readonly number[];
}

/** The measured part of one load. */
export interface Measurement {
  readonly seconds: number;
  /** Of the calls that succeeded. */
  readonly latency: LatencySummary;
  readonly errors: number;
  readonly firstError: string | undefined;
  readonly serverCpuUs: number | undefined;
  readonly generatorCpuUs: number;
}

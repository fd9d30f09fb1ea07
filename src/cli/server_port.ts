/** What the command line needs of the server: src/server.ts is it, tests have smaller ones. */

import type { Config } from "../config/schema.ts";
import type { Logger } from "../lib/logger.ts";
import type { Runtime } from "../runtime/mod.ts";

export type StartServer = (options: {
  readonly config: Config;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly program: { readonly version: string; readonly commit: string };
}) => Promise<RunningServer>;

/** A server that listens. */
export interface RunningServer {
  readonly httpUrl: string;
  readonly rpcAddress: string;
  /** Lets requests under way finish, then closes everything; twice is as good as once. */
  stop(): Promise<void>;
  /** Settles when the server has stopped, by itself or because it was told. */
  readonly stopped: Promise<{ readonly code: number }>;
}

/** Reads the file of a backup to its end; rejects where it cannot be read. */
export type InspectBackup = (path: string) => Promise<
  | { readonly kind: "whole"; readonly backup: InspectedBackup }
  /** `reason` names the file. */
  | { readonly kind: "damaged"; readonly reason: string }
>;

/** What a backup says of itself, all of which was found to be so. */
export interface InspectedBackup {
  readonly header: {
    readonly format: number;
    readonly program: string;
    readonly createdMs: number;
    readonly clusterId: string;
    readonly appliedIndex: number;
    readonly revision: number;
    readonly oldest: number;
    readonly keys: number;
  };
  readonly counts: {
    readonly leases: number;
    readonly changes: number;
    readonly answers: number;
  };
  readonly bytes: number;
  /** SHA-256 of the file. */
  readonly digest: Uint8Array;
}

/** `inspect` changes nothing; `acceptLoss` is for a sole voter; see `skein recover --help`. */
export type RecoveryWish = "inspect" | "acceptLoss" | "goOnAlone";

/** What a node that is not running holds. */
export interface Remains {
  readonly nodeId: number;
  readonly incarnation: string;
  readonly currentTerm: number;
  readonly lastLog: { readonly index: number; readonly term: number };
  readonly commitIndex: number;
  readonly applied: { readonly index: number; readonly term: number };
  /** Equal on all nodes that have applied the same. */
  readonly stateHash: string;
  readonly members: readonly { readonly id: number; readonly suffrage: string }[];
  /** What its log lost, in words. */
  readonly lost: string | undefined;
  /** Why it cannot go on alone. */
  readonly refusal: string | undefined;
}

/** What became of a wish. */
export type Recovered =
  | { readonly kind: "remains"; readonly remains: Remains }
  | {
    readonly kind: "accepted";
    /** What is missing, in words. */
    readonly lost: string;
    readonly goesOnBehind: { readonly index: number };
  }
  | { readonly kind: "whole" }
  | {
    readonly kind: "alone";
    readonly nodeId: number;
    readonly position: { readonly index: number; readonly term: number };
    readonly incarnation: string;
  }
  | { readonly kind: "refused"; readonly reason: string };

/** Opens the files of a node that is not running, and does what a person wishes. */
export type RecoverNode = (
  options: { readonly config: Config; readonly runtime: Runtime; readonly wish: RecoveryWish },
) => Promise<Recovered>;

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

/** Accepts what the log of a node that is not running lost. */
export type RecoverNode = (
  options: { readonly config: Config; readonly runtime: Runtime },
) => Promise<
  | {
    readonly kind: "accepted";
    /** What is missing, in words. */
    readonly lost: string;
    readonly goesOnBehind: { readonly index: number };
  }
  | { readonly kind: "whole" }
  | { readonly kind: "refused"; readonly reason: string }
>;

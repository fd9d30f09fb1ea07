/** What a backup says of itself before anything else: text that a person can read as it stands. */

import { MalformedBytesError, strictText, utf8 } from "../../lib/bytes.ts";
import { emptyRevision, type Revision } from "../record.ts";
import { backupCountMax, backupFormat, wallMsMax } from "./format.ts";

/** The first block of a backup. */
export interface BackupHeader {
  readonly format: typeof backupFormat;
  /** The version of the program that wrote it, and when, ms: for people. */
  readonly program: string;
  readonly createdMs: number;
  /** Whose store it was: for people, any cluster may take it over. */
  readonly clusterId: string;
  /** The last entry of that cluster's log that is in it: for people. */
  readonly appliedIndex: number;
  /** Of the store, and the oldest one that can be read. */
  readonly revision: Revision;
  readonly oldest: Revision;
  readonly clusterTimeMs: number;
  /** Keys that exist, those of locks and elections included. */
  readonly keys: number;
  /** How many lease ids the store had chosen. */
  readonly leasesNumbered: number;
}

/** A longer header is none. */
export const headerBytesMax = 64 * 1024;

/** The payload of the header's block. */
export function encodeHeader(header: BackupHeader): Uint8Array {
  return utf8(JSON.stringify({
    format: header.format,
    program: header.program,
    created_ms: header.createdMs,
    cluster_id: header.clusterId,
    applied_index: header.appliedIndex,
    revision: header.revision,
    oldest: header.oldest,
    cluster_time_ms: header.clusterTimeMs,
    keys: header.keys,
    leases_numbered: header.leasesNumbered,
  }));
}

/** Members that it does not know are passed over. Throws MalformedBytesError. */
export function decodeHeader(bytes: Uint8Array): BackupHeader {
  const members = new Members(bytes);
  const format = members.get("format");
  if (format !== backupFormat) {
    const known = `this program knows ${backupFormat}`;
    throw new MalformedBytesError(`the header has format ${String(format)}, ${known}`);
  }
  const header = {
    format: backupFormat,
    program: members.text("program"),
    createdMs: members.count("created_ms", wallMsMax),
    clusterId: members.text("cluster_id"),
    appliedIndex: members.count("applied_index"),
    revision: members.count("revision", backupCountMax),
    oldest: members.count("oldest"),
    clusterTimeMs: members.count("cluster_time_ms", backupCountMax),
    keys: members.count("keys"),
    leasesNumbered: members.count("leases_numbered", backupCountMax),
  } as const;
  if (header.oldest >= emptyRevision && header.oldest <= header.revision) return header;
  throw malformedMember("oldest", header.oldest);
}

/** The members of a JSON object. */
class Members {
  readonly #json: Readonly<Record<string, unknown>>;

  constructor(bytes: Uint8Array) {
    const json = bytes.length > headerBytesMax ? undefined : parsed(bytes);
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
      throw new MalformedBytesError("the header is no JSON object");
    }
    this.#json = { ...json };
  }

  get(name: string): unknown {
    return this.#json[name];
  }

  text(name: string): string {
    const value = this.get(name);
    if (typeof value === "string") return value;
    throw malformedMember(name, value);
  }

  count(name: string, max = Number.MAX_SAFE_INTEGER): number {
    const value = this.get(name);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
      throw malformedMember(name, value);
    }
    if (value <= max) return value;
    throw new MalformedBytesError(`the header has ${name} ${value}; allowed is 0 to ${max}`);
  }
}

function parsed(bytes: Uint8Array): unknown {
  const text = strictText(bytes);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function malformedMember(name: string, value: unknown): MalformedBytesError {
  return new MalformedBytesError(`the header has ${name} ${JSON.stringify(value)}`);
}

/**
 * identity.json: who this data directory belongs to. It is replaced as a whole, synced, and read
 * strictly: a node that misreads its incarnation or its logEpoch could vote under a false name.
 *
 * Format 1. UTF-8 JSON, one object with exactly these members (`birth` only once the cluster has
 * formed, `joining` while a cluster that has taken it in is being found, `peerStarts` once another
 * member was met, `refused` only where the cluster has turned the directory away), written in this
 * order, indented by two spaces, a newline at the end:
 *
 *     format       1
 *     clusterId    text, not empty
 *     nodeId       1 … 2^32 − 1
 *     incarnation  sixteen lower-case hexadecimal digits
 *     starts       how often the process was started here
 *     logEpoch     how often the log was found to have lost something
 *     recovering   whether the log of this epoch is not yet known to hold what was acknowledged
 *     birth        the first configuration: its canonical encoding (raft/encoding.ts) in base64url
 *     joining      members of the cluster that took it in, ascending by id: objects of id, address
 *     peerStarts   the newest start of each other member that was met, ascending by id: objects of
 *                  id, incarnation, starts, nonce
 *     refused      the cluster's reason
 *     crc32c       eight hexadecimal digits: CRC-32C of the JSON text of the object without this
 *                  member, in the same order, without white space
 *
 * The checksum finds turned bits and edits by hand alike; neither may pass for an identity.
 */

import { base64url, fromBase64url, strictText, utf8 } from "../../lib/bytes.ts";
import { crc32c } from "../../lib/crc32c.ts";
import type { Identity, IdentityStore, PeerAddress, PeerStart } from "../../node/ports.ts";
import { decodeConfiguration, encodeConfiguration } from "../../raft/encoding.ts";
import type { Configuration } from "../../raft/types.ts";
import { errorText, type Files } from "./files.ts";
import { DataDirectoryError, readKept, replaceKept, replaceKeptLater } from "./kept_file.ts";

/** What is left to somebody whose directory has lost who it belongs to, or what it promised. */
export const wayBack = "Put it back from a copy; with an empty directory this is another node, " +
  "which has to join its cluster anew (--join)";

const formatVersion = 1;
const nodeIdMax = 2 ** 32 - 1;
const memberNames = [
  ...["clusterId", "nodeId", "incarnation", "starts", "logEpoch", "recovering"],
  ...["birth", "joining", "peerStarts", "refused"],
];

/** The IdentityStore on identity.json. Each save is synced, name and contents, before `done`. */
export class IdentityFile implements IdentityStore {
  readonly #files: Files;
  readonly #path: string;
  #saves = 0;
  #isClosed = false;

  constructor(files: Files, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /** Undefined when there is none yet. Throws {@link DataDirectoryError} for a damaged one. */
  load(): Identity | undefined {
    const bytes = readKept(this.#files, this.#path);
    return bytes && parseIdentity(bytes, this.#path);
  }

  save(identity: Identity, done: () => void, dropped?: (error?: unknown) => void): void {
    const number = ++this.#saves;
    const bytes = identityText(identity);
    if (dropped !== undefined) {
      return replaceKeptLater(this.#files, {
        ...{ path: this.#path, bytes, done },
        isWanted: () => this.#saves === number && !this.#isClosed,
        dropped: (error) => this.#isClosed ? undefined : dropped(error),
      });
    }
    replaceKept(this.#files, this.#path, bytes);
    done();
  }

  /** The directory may be another's now: what waits for the disk does not touch it any more. */
  close(): void {
    this.#isClosed = true;
  }
}

/** The bytes of identity.json. */
export function identityText(identity: Identity): Uint8Array {
  const { clusterId, nodeId, incarnation, starts, logEpoch, recovering, refused } = identity;
  const birth = identity.birth && { birth: base64url(encodeConfiguration(identity.birth)) };
  const joining = identity.joining?.map(({ id, address }) => ({ id, address }));
  const peerStarts = identity.peerStarts?.map(({ id, incarnation, starts, nonce }) => ({
    ...{ id, incarnation, starts, nonce },
  }));
  const members = {
    ...{ format: formatVersion, clusterId, nodeId, incarnation, starts, logEpoch, recovering },
    ...birth,
    ...(joining === undefined ? {} : { joining }),
    ...(peerStarts === undefined ? {} : { peerStarts }),
    ...(refused === undefined ? {} : { refused }),
  };
  return utf8(JSON.stringify({ ...members, crc32c: checksum(members) }, undefined, 2) + "\n");
}

/** Reads identity.json; `path` stands in the {@link DataDirectoryError} of a damaged one. */
export function parseIdentity(bytes: Uint8Array, path: string): Identity {
  const { format, crc32c: stored, ...members } = parseObject(bytes, path);
  if (format !== formatVersion) {
    const known = `this program knows ${formatVersion}`;
    throw new DataDirectoryError(`${path} has format ${JSON.stringify(format)}, ${known}`);
  }
  const unknown = Object.keys(members).find((name) => !memberNames.includes(name));
  if (unknown !== undefined) throw damaged(path, `it has an unknown member ${unknown}`);
  const identity = parseMembers(members, path);
  if (stored !== checksum({ format, ...members })) {
    throw damaged(path, "its checksum does not match its contents");
  }
  return identity;
}

function parseMembers(members: Readonly<Record<string, unknown>>, path: string): Identity {
  const { clusterId, nodeId, incarnation, starts, logEpoch, recovering, refused } = members;
  const wrong = (name: string, allowed: string): DataDirectoryError =>
    damaged(path, `${name} is ${JSON.stringify(members[name])}, allowed is ${allowed}`);
  if (typeof clusterId !== "string" || clusterId === "") throw wrong("clusterId", "a text");
  if (!isNodeId(nodeId)) throw wrong("nodeId", "1 … 2^32 − 1");
  if (!isIncarnation(incarnation)) throw wrong("incarnation", "sixteen hexadecimal digits");
  if (!isCount(starts)) throw wrong("starts", "a count");
  if (!isCount(logEpoch)) throw wrong("logEpoch", "a count");
  if (typeof recovering !== "boolean") throw wrong("recovering", "true or false");
  if (refused !== undefined && typeof refused !== "string") throw wrong("refused", "a text");
  const birth = parseBirth(members["birth"]);
  if (birth === "wrong") throw wrong("birth", "a configuration in base64url");
  const joining = parseList(members["joining"], parsePeerAddress);
  if (joining === "wrong") throw wrong("joining", "addresses of nodes, ascending by id");
  const peerStarts = parseList(members["peerStarts"], parsePeerStart);
  if (peerStarts === "wrong") throw wrong("peerStarts", "starts of nodes, ascending by id");
  return {
    ...{ clusterId, nodeId, incarnation, starts, logEpoch, recovering },
    ...(birth === undefined ? {} : { birth }),
    ...(joining === undefined ? {} : { joining }),
    ...(peerStarts === undefined ? {} : { peerStarts }),
    ...(refused === undefined ? {} : { refused }),
  };
}

function parseBirth(text: unknown): Configuration | undefined | "wrong" {
  if (text === undefined) return undefined;
  const bytes = typeof text === "string" ? fromBase64url(text) : undefined;
  if (bytes === undefined) return "wrong";
  try {
    return decodeConfiguration(bytes);
  } catch {
    return "wrong";
  }
}

/** A list whose items are ascending by id. */
function parseList<Item extends { readonly id: number }>(
  value: unknown,
  parse: (member: unknown) => Item | undefined,
): readonly Item[] | undefined | "wrong" {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) return "wrong";
  const items: Item[] = [];
  for (const member of value) {
    const item = parse(member);
    if (item === undefined || item.id <= (items.at(-1)?.id ?? 0)) return "wrong";
    items.push(item);
  }
  return items;
}

function parsePeerAddress(value: unknown): PeerAddress | undefined {
  if (!isObject(value) || Object.keys(value).length !== 2) return undefined;
  const { id, address } = value;
  return isNodeId(id) && typeof address === "string" ? { id, address } : undefined;
}

function parsePeerStart(value: unknown): PeerStart | undefined {
  if (!isObject(value) || Object.keys(value).length !== 4) return undefined;
  const { id, incarnation, starts, nonce } = value;
  const isWhole = isNodeId(id) && isIncarnation(incarnation) && isCount(starts) && isCount(nonce);
  return isWhole ? { id, incarnation, starts, nonce } : undefined;
}

function parseObject(bytes: Uint8Array, path: string): Readonly<Record<string, unknown>> {
  const text = strictText(bytes);
  if (text === undefined) throw damaged(path, "it is not UTF-8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged(path, `it is not JSON (${errorText(error)})`);
  }
  if (!isObject(value)) throw damaged(path, "it is not a JSON object");
  return value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNodeId(value: unknown): value is number {
  return isCount(value) && value >= 1 && value <= nodeIdMax;
}

function isIncarnation(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{16}$/.test(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function checksum(members: Readonly<Record<string, unknown>>): string {
  return crc32c(utf8(JSON.stringify(members))).toString(16).padStart(8, "0");
}

function damaged(path: string, how: string): DataDirectoryError {
  return new DataDirectoryError(
    `${path} is damaged: ${how}. ${wayBack}`,
  );
}

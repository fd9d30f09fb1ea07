/** The nouns of the peer protocol between their wire shapes and the core's vocabulary. */

import { crc32c } from "../lib/crc32c.ts";
import { MalformedBytesError } from "../lib/bytes.ts";
import { decodeConfiguration, entryKindNumber, entryKindOf, isIntact } from "../raft/encoding.ts";
import type {
  Configuration,
  Entry,
  LogPosition,
  Member,
  MemberAddresses,
  NodeId,
  PositionedConfiguration,
  SnapshotMeta,
  Suffrage,
} from "../raft/types.ts";
import type { Wire } from "./codec.ts";
import { WireRefusal } from "./refusal.ts";

export const nodeIdMax = 0xffff_ffff;
const incarnationForm = /^[0-9a-f]{16}$/;
const digestBytes = 32;
const addressLengthMax = 1_024;
const suffrages: readonly Suffrage[] = ["voter", "learner", "readOnly"];

/** A count that JavaScript can hold exactly. */
export function count(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new WireRefusal("number", `${name} is ${value}, allowed is 0 … 2^53 - 1`);
  }
  return value;
}

/** A node id: 1 … 2^32 − 1. Throws WireRefusal. */
export function nodeId(value: number, name: string): NodeId {
  if (!Number.isInteger(value) || value < 1 || value > nodeIdMax) {
    throw new WireRefusal("number", `${name} is ${value}, allowed is 1 … 2^32 - 1`);
  }
  return value;
}

/** A part of a message that the protocol wants always. */
export function present<T>(value: T | null | undefined, name: string): T {
  if (value === null || value === undefined) {
    throw new WireRefusal("malformed", `${name} is missing`);
  }
  return value;
}

/** Sixteen lower-case hexadecimal digits. Throws WireRefusal. */
export function incarnation(value: string): string {
  if (!incarnationForm.test(value)) {
    const shown = JSON.stringify(value.slice(0, 40));
    throw new WireRefusal("malformed", `incarnation is ${shown}, not 16 hexadecimal digits`);
  }
  return value;
}

type WirePosition = Wire["skein.raft.v1.LogPosition"];

/** A position that must be there; an empty one is the origin. Throws WireRefusal. */
export function toPosition(wire: WirePosition | null | undefined, name: string): LogPosition {
  const { index, term } = present(wire, name);
  return { index: count(index, `${name}.index`), term: count(term, `${name}.term`) };
}

/** The wire shape of an entry; its data is shared, not copied. */
export function fromEntry(entry: Entry): Wire["skein.raft.v1.Entry"] {
  return {
    index: entry.index,
    term: entry.term,
    kind: entryKindNumber(entry.kind),
    timeMs: entry.timeMs,
    data: entry.data,
    crc32c: entry.crc32c,
  };
}

/** Checks the checksum too, and that a configuration entry holds a configuration. */
export function toEntry(wire: Wire["skein.raft.v1.Entry"]): Entry {
  const kind = entryKindOf(wire.kind);
  if (kind === undefined) throw new WireRefusal("malformed", `entry kind is ${wire.kind}`);
  const entry: Entry = {
    index: count(wire.index, "entry.index"),
    term: count(wire.term, "entry.term"),
    kind,
    timeMs: count(wire.timeMs, "entry.time_ms"),
    data: wire.data,
    crc32c: wire.crc32c,
  };
  if (!isIntact(entry)) {
    throw new WireRefusal("checksum", `entry ${entry.index} has a wrong CRC`);
  }
  if (kind === "configuration") checkConfigurationEntry(entry);
  return entry;
}

function checkConfigurationEntry(entry: Entry): void {
  try {
    checkConfiguration(decodeConfiguration(entry.data));
  } catch (error) {
    if (!(error instanceof MalformedBytesError)) throw error;
    throw new WireRefusal("malformed", `configuration entry ${entry.index}: ${error.message}`);
  }
}

/** Throws WireRefusal unless `expected` is the CRC-32C of `data`. */
export function checkChunk(data: Uint8Array, expected: number): void {
  if (crc32c(data) !== expected) throw new WireRefusal("checksum", "chunk has a wrong CRC");
}

/** The wire shape of a member's addresses. */
export function fromAddresses(addresses: MemberAddresses): Wire["skein.raft.v1.Addresses"] {
  return addresses;
}

/** The addresses that a peer sent, of bounded length. Throws WireRefusal. */
export function toAddresses(wire: Wire["skein.raft.v1.Addresses"]): MemberAddresses {
  const { rpc, http, clientRpc } = wire;
  if (Math.max(rpc.length, http.length, clientRpc?.length ?? 0) > addressLengthMax) {
    throw new WireRefusal("malformed", `an address is longer than ${addressLengthMax} characters`);
  }
  return clientRpc === null || clientRpc === undefined ? { rpc, http } : { rpc, http, clientRpc };
}

/** The number of a suffrage between nodes. */
export function suffrageNumber(suffrage: Suffrage): number {
  return suffrages.indexOf(suffrage);
}

/** The suffrage of a number; undefined for one that is unknown. */
export function suffrageOf(number: number): Suffrage | undefined {
  return suffrages[number];
}

function fromMember(member: Member): Wire["skein.raft.v1.Member"] {
  return {
    id: member.id,
    incarnation: member.incarnation,
    suffrage: suffrageNumber(member.suffrage),
    addresses: member.addresses,
  };
}

function toMember(wire: Wire["skein.raft.v1.Member"]): Member {
  const id = nodeId(wire.id, "member.id");
  const suffrage = suffrageOf(wire.suffrage);
  if (suffrage === undefined) {
    throw new WireRefusal("malformed", `suffrage of member ${id} is ${wire.suffrage}`);
  }
  const member = { id, incarnation: incarnation(wire.incarnation), suffrage };
  const addresses = wire.addresses;
  if (addresses === null || addresses === undefined) return member;
  return { ...member, addresses: toAddresses(addresses) };
}

/** The wire shape of a configuration. */
export function fromConfiguration(
  configuration: Configuration,
): Wire["skein.raft.v1.Configuration"] {
  const outgoing = configuration.outgoing;
  return {
    members: configuration.members.map(fromMember),
    outgoing: outgoing === undefined ? undefined : { members: outgoing.map(fromMember) },
    nodeIdMax: configuration.nodeIdMax,
  };
}

/** The configuration that a peer sent, its members ascending. Throws WireRefusal. */
export function toConfiguration(wire: Wire["skein.raft.v1.Configuration"]): Configuration {
  const members = wire.members.map(toMember);
  const idMax = nodeId(wire.nodeIdMax, "node_id_max");
  const outgoing = wire.outgoing;
  const configuration = outgoing === null || outgoing === undefined
    ? { members, nodeIdMax: idMax }
    : { members, outgoing: outgoing.members.map(toMember), nodeIdMax: idMax };
  checkConfiguration(configuration);
  return configuration;
}

function checkConfiguration(configuration: Configuration): void {
  for (const members of [configuration.members, configuration.outgoing ?? []]) {
    let previous = 0;
    for (const { id } of members) {
      if (id <= previous) throw new WireRefusal("order", "members are not ascending by id");
      nodeId(id, "member.id");
      previous = id;
    }
    if (previous > configuration.nodeIdMax) {
      throw new WireRefusal(
        "number",
        `node_id_max is ${configuration.nodeIdMax}, below member ${previous}`,
      );
    }
  }
}

function toPositioned(
  wire: Wire["skein.raft.v1.PositionedConfiguration"],
): PositionedConfiguration {
  return {
    position: toPosition(wire.position, "configuration.position"),
    configuration: toConfiguration(present(wire.configuration, "configuration")),
  };
}

/** The wire shape of what describes an image. */
export function fromSnapshotMeta(meta: SnapshotMeta): Wire["skein.raft.v1.SnapshotMeta"] {
  const { position, configuration } = meta.configuration;
  return {
    position: meta.position,
    timeMs: meta.timeMs,
    configuration: { position, configuration: fromConfiguration(configuration) },
    bytes: meta.bytes,
    digest: meta.digest,
  };
}

/** The description of an image that a peer sent. Throws WireRefusal. */
export function toSnapshotMeta(wire: Wire["skein.raft.v1.SnapshotMeta"]): SnapshotMeta {
  if (wire.digest.length !== digestBytes) {
    throw new WireRefusal("malformed", `digest has ${wire.digest.length} bytes, not 32`);
  }
  return {
    position: toPosition(wire.position, "meta.position"),
    timeMs: count(wire.timeMs, "meta.time_ms"),
    configuration: toPositioned(present(wire.configuration, "meta.configuration")),
    bytes: count(wire.bytes, "meta.bytes"),
    digest: wire.digest,
  };
}

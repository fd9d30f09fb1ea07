/**
 * The canonical bytes of what several parties must read alike: an entry's checksum, and a
 * configuration as the data of its entry. Storage, the wire and the core all use these, so that one
 * fixture guards the format.
 */

import { ByteReader, ByteWriter, MalformedBytesError } from "../lib/bytes.ts";
import { crc32c } from "../lib/crc32c.ts";
import type { Configuration, Entry, EntryKind, Index, Member, Suffrage, Term } from "./types.ts";

const entryKinds: readonly EntryKind[] = ["noop", "configuration", "command"];
const suffrages: readonly Suffrage[] = ["voter", "learner", "readOnly"];
const configurationVersion = 1;

/** The number of an entry kind, the same on disk and on the wire. */
export function entryKindNumber(kind: EntryKind): number {
  return entryKinds.indexOf(kind);
}

/** The entry kind of a number; undefined when there is none. */
export function entryKindOf(number: number): EntryKind | undefined {
  return entryKinds[number];
}

/** An entry with its checksum. The only place where one is made from its parts. */
export function makeEntry(parts: {
  readonly index: Index;
  readonly term: Term;
  readonly kind: EntryKind;
  readonly timeMs: number;
  readonly data: Uint8Array;
}): Entry {
  return { ...parts, crc32c: entryCrc32c(parts) };
}

const headWords = new DataView(new ArrayBuffer(25));
const headBytes = new Uint8Array(headWords.buffer);

/**
 * CRC-32C over index, term, timeMs (each a little-endian 64-bit integer), the kind's number, and
 * the data.
 */
export function entryCrc32c(entry: Omit<Entry, "crc32c">): number {
  setCount64(0, entry.index);
  setCount64(8, entry.term);
  setCount64(16, entry.timeMs);
  headWords.setUint8(24, entryKindNumber(entry.kind));
  return crc32c(entry.data, crc32c(headBytes));
}

function setCount64(at: number, value: number): void {
  headWords.setUint32(at, value % 0x1_0000_0000, true);
  headWords.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}

/** True when the entry's checksum is the one of its contents. */
export function isIntact(entry: Entry): boolean {
  return entryCrc32c(entry) === entry.crc32c;
}

/** The same configuration gives the same bytes on every node. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const writer = new ByteWriter().u8(configurationVersion).varint(configuration.nodeIdMax);
  writeMembers(writer, configuration.members);
  writer.u8(configuration.outgoing === undefined ? 0 : 1);
  if (configuration.outgoing !== undefined) writeMembers(writer, configuration.outgoing);
  return writer.finish();
}

/** Throws MalformedBytesError for bytes that are no configuration. */
export function decodeConfiguration(bytes: Uint8Array): Configuration {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== configurationVersion) {
    throw new MalformedBytesError(
      `configuration of version ${version}, known is ${configurationVersion}`,
    );
  }
  const nodeIdMax = reader.varint();
  const members = readMembers(reader);
  const outgoing = reader.u8() === 0 ? undefined : readMembers(reader);
  reader.end();
  return outgoing === undefined ? { members, nodeIdMax } : { members, outgoing, nodeIdMax };
}

function writeMembers(writer: ByteWriter, members: readonly Member[]): void {
  writer.varint(members.length);
  for (const member of members) {
    writer.varint(member.id).text(member.incarnation).u8(suffrages.indexOf(member.suffrage));
    const addresses = member.addresses;
    writer.u8(addresses === undefined ? 0 : 1);
    if (addresses === undefined) continue;
    writer.text(addresses.rpc).text(addresses.http).text(addresses.clientRpc ?? "");
  }
}

function readMembers(reader: ByteReader): readonly Member[] {
  const members: Member[] = [];
  for (let left = reader.varint(); left > 0; left--) {
    const id = reader.varint();
    const incarnation = reader.text();
    const suffrage = suffrages[reader.u8()];
    if (suffrage === undefined) throw new MalformedBytesError(`unknown suffrage of member ${id}`);
    if (reader.u8() === 0) {
      members.push({ id, incarnation, suffrage });
      continue;
    }
    const rpc = reader.text();
    const http = reader.text();
    const clientRpc = reader.text();
    const addresses = clientRpc === "" ? { rpc, http } : { rpc, http, clientRpc };
    members.push({ id, incarnation, suffrage, addresses });
  }
  return members;
}

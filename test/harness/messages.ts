/** One message of every kind, and their nouns, with every field set to something telling. */

import { crc32c } from "../../src/lib/crc32c.ts";
import { utf8 } from "../../src/lib/bytes.ts";
import type { Hello } from "../../src/node/ports.ts";
import { encodeConfiguration, makeEntry } from "../../src/raft/encoding.ts";
import type { Message } from "../../src/raft/message.ts";
import {
  type Configuration,
  type Entry,
  originPosition,
  type SnapshotMeta,
} from "../../src/raft/types.ts";

const safeMax = Number.MAX_SAFE_INTEGER;

export const sampleConfiguration: Configuration = {
  members: [
    {
      id: 1,
      incarnation: "00112233445566aa",
      suffrage: "voter",
      addresses: { rpc: "node1:9081", http: "http://node1:8081", clientRpc: "node1:9091" },
    },
    { id: 2, incarnation: "00112233445566bb", suffrage: "learner" },
    {
      id: 0xffff_ffff,
      incarnation: "00112233445566cc",
      suffrage: "readOnly",
      addresses: { rpc: "node3:9081", http: "http://node3:8081" },
    },
  ],
  outgoing: [{ id: 1, incarnation: "00112233445566aa", suffrage: "voter" }],
  nodeIdMax: 0xffff_ffff,
};

export const sampleEntries: readonly Entry[] = [
  makeEntry({ index: 8, term: 1, kind: "noop", timeMs: 0, data: new Uint8Array(0) }),
  makeEntry({
    index: 9,
    term: 1,
    kind: "configuration",
    timeMs: 1234,
    data: encodeConfiguration(sampleConfiguration),
  }),
  makeEntry({ index: 10, term: 1, kind: "command", timeMs: safeMax, data: utf8("a command") }),
];

export const sampleMeta: SnapshotMeta = {
  position: { index: 700, term: 1 },
  timeMs: 86_400_000,
  configuration: { position: { index: 9, term: 1 }, configuration: sampleConfiguration },
  bytes: 1_048_577,
  digest: Uint8Array.from({ length: 32 }, (_, i) => i),
};

const chunk = utf8("a chunk of an image");

export const sampleMessages: readonly Message[] = [
  { kind: "requestVote", lastLog: { index: 10, term: 1 }, transfer: true },
  { kind: "requestVoteReply", voteGranted: false, notMember: { index: 9, term: 1 } },
  { kind: "preVote", lastLog: { index: 0, term: 0 } },
  { kind: "preVoteReply", requestedTerm: 2, voteGranted: true },
  {
    kind: "appendEntries",
    prevLog: { index: 7, term: 1 },
    entries: sampleEntries,
    leaderCommit: 9,
    attempt: 12,
  },
  {
    kind: "appendEntriesReply",
    result: { kind: "matched", position: { index: 10, term: 1 } },
    needsSnapshot: false,
    attempt: 3,
  },
  { kind: "heartbeat", round: safeMax, leaderCommit: 9, match: originPosition },
  { kind: "heartbeatReply", round: 41, verifiedIndex: 10, appliedIndex: 9 },
  { kind: "readIndexRequest", id: { node: 3, nonce: 77, counter: 5 } },
  { kind: "readIndexReply", id: { node: 3, nonce: 77, counter: 5 }, index: 10 },
  { kind: "timeoutNow" },
  {
    kind: "installSnapshot",
    meta: sampleMeta,
    offset: 65_536,
    data: chunk,
    crc32c: crc32c(chunk),
    last: true,
  },
  {
    kind: "installSnapshotReply",
    position: { index: 700, term: 1 },
    nextOffset: 65_555,
    refused: "notNeeded",
  },
];

/** The second form of messages that have one. */
export const otherMessages: readonly Message[] = [
  {
    kind: "appendEntriesReply",
    result: {
      kind: "conflict",
      rejected: { index: 12, term: 1 },
      hint: { index: 3, term: 1 },
    },
    needsSnapshot: true,
    attempt: safeMax,
  },
  { kind: "requestVoteReply", voteGranted: true },
  { kind: "preVoteReply", requestedTerm: 1, voteGranted: false, notMember: { index: 9, term: 1 } },
  { kind: "installSnapshotReply", position: { index: 0, term: 0 }, nextOffset: 0 },
  { kind: "heartbeat", round: 7, leaderCommit: 9, match: { index: 10, term: 1 } },
];

export const sampleHello: Hello = {
  clusterId: "prod-cluster",
  from: 1,
  to: 2,
  incarnation: "00112233445566aa",
  logEpoch: 3,
  starts: 12,
  nonce: safeMax,
  protocolVersion: 1,
  protocolVersionMin: 1,
  dataVersion: 1,
  // As an older peer says it, who knows no such member.
  electionTimeoutMinMs: 0,
  programVersion: "0.1.0",
  addresses: { rpc: "node1:9081", http: "http://node1:8081", clientRpc: "node1:9091" },
  bootstrapIds: [1, 2, 0xffff_ffff],
};

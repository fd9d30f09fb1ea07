/**
 * Every configuration key: its type, limits, default and meaning. docs/CONFIGURATION.md is
 * generated from here. A key without effect has no place in this file.
 */

import { z } from "zod";
import { logFormats, logLevels } from "../lib/logger.ts";
import { backup } from "./backup_keys.ts";
import type { Camelized } from "./camel.ts";
import {
  advertisedAddress,
  flag,
  flagOn,
  integer,
  type KeyFacts,
  keyFacts,
  list,
  listenAddress,
  nodeIdMax,
  nodeIdOrHostname,
  oneOf,
  optionalAdvertisedAddress,
  optionalListenAddress,
  text,
  urls,
} from "./key.ts";
import { snapshot } from "./snapshot_keys.ts";

const kibi = 1024;
const mebi = 1024 * kibi;
const gibi = 1024 * mebi;
const tebi = 1024 * gibi;

const peerIdAllowed = `an integer from 1 to ${nodeIdMax}`;
const peerAllowed = "a mapping of id and addr";

const top = {
  cluster_id: text(
    {
      default: "skein",
      pattern: /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
      allowed: "1 to 64 letters, digits, dots, underscores and hyphens, a letter or digit first",
    },
    "Name of the cluster; nodes and clients of another one are refused. Where it is not set, a " +
      "data directory that has one and a cluster that is joined have their own.",
  ),
  node_id: nodeIdOrHostname(
    "Identifies the node for ever within its cluster; hostname takes the number at the end of " +
      "the host's name, as StatefulSets give it. Where it is not set, a data directory that has " +
      "one tells it, and a cluster that is joined chooses it.",
  ),
  rpc_addr: listenAddress(
    "127.0.0.1:7401",
    "Where gRPC listens: for the peers, and for clients unless client_rpc_addr is set.",
  ),
  rpc_advertise_addr: optionalAdvertisedAddress(
    "Where the peers reach rpc_addr; the bound address unless set.",
  ),
  client_rpc_addr: optionalListenAddress(
    "A gRPC listener of their own for clients; rpc_addr then carries peer traffic alone.",
  ),
  client_rpc_advertise_addr: optionalAdvertisedAddress(
    "Where clients reach client_rpc_addr; the bound address unless set.",
  ),
  http_addr: listenAddress("127.0.0.1:7400", "Where REST listens."),
  http_advertise_addr: optionalAdvertisedAddress(
    "Where clients reach http_addr; the bound address unless set.",
  ),
  data_dir: text(
    { default: "./skein-data", pattern: /^[^\0]+$/, allowed: "a path" },
    "The directory that holds everything the node must not forget.",
  ),
  peers: list(
    z.strictObject({
      id: z.int({ error: peerIdAllowed }).min(1, { error: peerIdAllowed })
        .max(nodeIdMax, { error: peerIdAllowed }),
      addr: advertisedAddress(),
    }, { error: peerAllowed }),
    `a list of at most 100 entries, each ${peerAllowed}`,
    "The other voters of a cluster that is being formed, by node id and rpc address; once the " +
      "node has state, the replicated configuration counts and this list is checked against it.",
  ),
  join: urls(
    "Nodes of a cluster that exists, any of them, by the URL of http_addr: a node with an empty " +
      "data directory becomes a member of it. Without effect once it is one; left in the file, " +
      "it keeps a node whose directory was lost from founding a cluster of its own.",
  ),
  join_as: oneOf(
    ["learner", "read_only"],
    "learner",
    "What a node that joins becomes: a learner is made a voter once it has caught up, a " +
      "read-only member never is.",
  ),
};

const raft = {
  heartbeat_interval_ms: integer(
    { default: 100, min: 10, max: 10_000 },
    "How often a leader that has nothing to say says so.",
  ),
  election_timeout_min_ms: integer(
    { default: 1000, min: 50, max: 60_000 },
    "A node that has not heard of a leader for so long may stand for election.",
  ),
  election_timeout_max_ms: integer(
    { default: 2000, min: 60, max: 120_000 },
    "Each election timeout is drawn between the minimum and this.",
  ),
  lease_reads: flag(
    "Reads at level lease ask nobody while the leader's lease holds; otherwise they are served " +
      "as linearizable ones. They trust the clocks of all voters; every voter must run with this " +
      "file's election_timeout_min_ms before they are switched on.",
  ),
  clock_drift_permille_max: integer(
    { default: 100, min: 0, max: 500 },
    "Of lease reads: how much faster one voter's clock may run than another's, in thousandths.",
  ),
  lease_margin_ms: integer(
    { default: 50, min: 2, max: 60_000 },
    "Of lease reads: what is left out of each lease for what clocks get wrong.",
  ),
  append_bytes_max: integer(
    { default: mebi, min: 4 * kibi, max: 16 * mebi },
    "Where one AppendEntries is cut, in bytes of entry data; it carries at least one entry.",
  ),
  inflight_messages_max: integer(
    { default: 256, min: 1, max: 10_000 },
    "AppendEntries under way to one peer without an answer, by count.",
  ),
  inflight_bytes_max: integer(
    { default: 32 * mebi, min: mebi, max: gibi },
    "AppendEntries under way to one peer without an answer, by bytes of entry data.",
  ),
  uncommitted_bytes_max: integer(
    { default: 64 * mebi, min: 18 * mebi, max: 4 * gibi },
    "Entry data that a leader appends ahead of what is committed; above it, writes are refused " +
      "as overloaded.",
  ),
  log_cache_bytes_max: integer(
    { default: 32 * mebi, min: 0, max: 4 * gibi },
    "Durable entries kept in memory for followers that are a little behind.",
  ),
  reads_pending_max: integer(
    { default: 4096, min: 1, max: 1_000_000 },
    "ReadIndex requests of all nodes that wait for a round of the leader.",
  ),
  turn_inputs_max: integer(
    { default: 1024, min: 1, max: 100_000 },
    "Client requests that the node takes in one turn, by count.",
  ),
  turn_bytes_max: integer(
    { default: 8 * mebi, min: 64 * kibi, max: gibi },
    "Client requests that the node takes in one turn, by bytes.",
  ),
  received_bytes_max: integer(
    { default: 64 * mebi, min: 24 * mebi, max: 4 * gibi },
    "Peer messages that wait for their turn; above it they are dropped and counted.",
  ),
  promote_learners: flagOn(
    "The leader makes learners voters once they have caught up, one at a time, and never where a " +
      "quorum would then need the new voter because another one is down.",
  ),
  remove_dead_after_ms: integer(
    { default: 0, min: 0, max: 2_592_000_000 },
    "The leader removes members that it has not heard for so long, one at a time, where enough " +
      "others are healthy; 0: never. What was removed has to join anew, with an empty directory.",
  ),
  voters_min: integer(
    { default: 3, min: 1, max: 9 },
    "No dead voter is removed by remove_dead_after_ms where fewer than so many voters would be " +
      "left.",
  ),
};

const network = {
  keepalive_interval_ms: integer(
    { default: 1000, min: 100, max: 600_000 },
    "How often a silent connection between peers is probed.",
  ),
  keepalive_timeout_ms: integer(
    { default: 500, min: 50, max: 600_000 },
    "A connection between peers whose probe is not answered for so long is closed.",
  ),
  peer_queue_bytes_max: integer(
    { default: 64 * mebi, min: 24 * mebi, max: 4 * gibi },
    "Messages that wait to leave for one peer; above it they are dropped and sent again later.",
  ),
  shutdown_grace_ms: integer(
    { default: 5000, min: 0, max: 600_000 },
    "How long requests under way may take to finish when the node stops.",
  ),
};

const storage = {
  engine: oneOf(
    ["sqlite", "file", "memory"],
    "sqlite",
    "What holds the log and the store: SQLite, files of its own, or memory, which forgets " +
      "everything when the process ends and is for trying things out.",
  ),
  kv_commit_entries_max: integer(
    { default: 4096, min: 1, max: 1_000_000 },
    "Entries applied to the store in one transaction.",
  ),
  kv_commit_interval_ms: integer(
    { default: 50, min: 1, max: 60_000 },
    "The longest that a transaction of the store stays open.",
  ),
  history_age_ms_max: integer(
    { default: 3_600_000, min: 300_000, max: 3_155_760_000_000 },
    "Revisions that are older are given up, except the newest 10,000.",
  ),
  history_revisions_max: integer(
    { default: 1_000_000, min: 10_000, max: 1_000_000_000_000 },
    "So many of the newest revisions are kept, and all of the last five minutes.",
  ),
  scrub_bytes_per_second_max: integer(
    { default: 5 * mebi, min: 0, max: gibi },
    "How fast a pass of the scrub, which checks all that the store keeps against its checksums, " +
      "goes over it, in bytes a second; 0: there is none.",
  ),
  scrub_interval_ms: integer(
    { default: 21_600_000, min: 1_000, max: 31_557_600_000 },
    "How long after the last one a pass of the scrub begins.",
  ),
  compare_interval_ms: integer(
    { default: 10_000, min: 0, max: 86_400_000 },
    "How often a node compares what its store holds with what the other members' stores hold; 0: " +
      "it does not.",
  ),
  space_low_bytes: integer(
    { default: 256 * mebi, min: 0, max: 1024 * tebi },
    "With less free space on the data directory's disk, writes other than deletes are refused, " +
      "and an image of the store is made or received only where it leaves as much.",
  ),
  space_reserve_bytes: integer(
    { default: 64 * mebi, min: 0, max: tebi },
    "Space held back on the disk, and released when it runs full so that deletes still fit.",
  ),
};

const security = {
  insecure_allow_non_loopback: flag(
    "Listen on addresses that other machines can reach although nothing is encrypted and nobody " +
      "is asked who they are: whoever reaches a port can read and change everything.",
  ),
  http_hosts: list(
    z.string({ error: "a host name" }).regex(/^[A-Za-z0-9.:[\]_-]{1,255}$/, {
      error: "a host name",
    }),
    "a list of at most 100 host names",
    "Names under which requests to http_addr are served besides loopback ones, the address that " +
      "it listens on (any address, where that is all of them) and http_advertise_addr; a page in " +
      "a browser cannot choose the name, so it keeps other sites' scripts out.",
  ),
};

const limits = {
  value_bytes_max: integer(
    { default: 8 * mebi, min: 1, max: 8 * mebi },
    "The largest value.",
  ),
  request_bytes_max: integer(
    { default: 16 * mebi, min: kibi, max: 64 * mebi },
    "The largest body of a REST request.",
  ),
  grpc_message_bytes_max: integer(
    { default: 16 * mebi, min: kibi, max: 64 * mebi },
    "The largest gRPC message of a client, and the most that an answer to it holds in keys and " +
      "values.",
  ),
  requests_waiting_max: integer(
    { default: 10_000, min: 1, max: 1_000_000 },
    "Client requests waiting in the node, by count; above it they are refused as overloaded.",
  ),
  requests_waiting_bytes_max: integer(
    { default: 128 * mebi, min: 18 * mebi, max: 4 * gibi },
    "Client requests waiting in the node, by bytes; above it they are refused as overloaded.",
  ),
  restore_bytes_max: integer(
    { default: tebi, min: kibi, max: 1024 * tebi },
    "The largest backup that is restored; it has no part in request_bytes_max.",
  ),
  watches_max: integer(
    { default: 20_000, min: 1, max: 1_000_000 },
    "Watches that are open on the node, long polls and streams of the cluster included; above it " +
      "they are refused.",
  ),
  range_streams_max: integer(
    { default: 100, min: 1, max: 10_000 },
    "Ranges that are streamed by the node (`GET /v1/kv?format=ndjson`); above it they are " +
      "refused as overloaded. While one is open, at most 10 minutes, what it shows is not removed.",
  ),
  lease_holds_max: integer(
    { default: 10_000, min: 1, max: 1_000_000 },
    "Leases that are held through the node (`GET /v1/leases/{id}/hold`), by connections; above " +
      "it they are refused as overloaded.",
  ),
  requests_memory_bytes_max: integer(
    { default: 256 * mebi, min: kibi, max: 64 * gibi },
    "Bodies of REST requests and gRPC messages of clients that are in memory, from their first " +
      "byte to the answer; what does not fit is refused as overloaded. Large answers that " +
      "clients have not taken yet may hold as much again, over REST and over gRPC.",
  ),
};

const retry = {
  reconnect_backoff_min_ms: integer(
    { default: 50, min: 10, max: 60_000 },
    "The first pause before a lost connection to a peer is opened again; it doubles each time.",
  ),
  reconnect_backoff_max_ms: integer(
    { default: 500, min: 10, max: 600_000 },
    "The longest pause before a lost connection to a peer is opened again.",
  ),
};

const monitoring = {
  log_level: oneOf(logLevels, "info", "Quieter events than this are not logged."),
  log_format: oneOf(logFormats, "text", "How a log line is written to stderr."),
};

const sections = { raft, snapshot, backup, network, storage, security, limits, retry, monitoring };

/** The whole file. */
export const configSchema = z.strictObject({
  ...top,
  raft: z.strictObject(raft).prefault({}),
  snapshot: z.strictObject(snapshot).prefault({}),
  backup: z.strictObject(backup).prefault({}),
  network: z.strictObject(network).prefault({}),
  storage: z.strictObject(storage).prefault({}),
  security: z.strictObject(security).prefault({}),
  limits: z.strictObject(limits).prefault({}),
  retry: z.strictObject(retry).prefault({}),
  monitoring: z.strictObject(monitoring).prefault({}),
});

type SnakeConfig = z.output<typeof configSchema>;

/** The configuration as the program uses it: the file's keys in camelCase, `hostname` resolved. */
export type Config = Camelized<Omit<SnakeConfig, "node_id">> & {
  readonly nodeId: number;
  /** Of the two names that have a default, those that somebody has set. */
  readonly named: { readonly clusterId?: string; readonly nodeId?: number };
};

/** One key with everything that is known of it. */
export interface Key extends KeyFacts {
  /** As in error messages and in `config print`: `raft.heartbeat_interval_ms`. */
  readonly path: string;
  /** Undefined for the keys at the top level. */
  readonly section: SectionName | undefined;
  readonly name: string;
  readonly schema: z.ZodType;
}

export type SectionName = keyof typeof sections;
export const sectionNames: readonly string[] = Object.keys(sections);

/** Every key by its path, in the order of the file. */
export const keys: ReadonlyMap<string, Key> = new Map([
  ...keysOf(undefined, top),
  ...keysOf("raft", raft),
  ...keysOf("snapshot", snapshot),
  ...keysOf("backup", backup),
  ...keysOf("network", network),
  ...keysOf("storage", storage),
  ...keysOf("security", security),
  ...keysOf("limits", limits),
  ...keysOf("retry", retry),
  ...keysOf("monitoring", monitoring),
]);

function keysOf(
  section: SectionName | undefined,
  shape: Readonly<Record<string, z.ZodType>>,
): readonly (readonly [string, Key])[] {
  return Object.entries(shape).map(([name, schema]) => {
    const facts = keyFacts.get(schema);
    if (facts === undefined) throw new Error(`Key ${name} was not declared by key.ts`);
    const path = section === undefined ? name : `${section}.${name}`;
    return [path, { ...facts, path, section, name, schema }];
  });
}

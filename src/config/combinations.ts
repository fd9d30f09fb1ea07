/** What no single key can say: values that are fine alone and make no sense together. */

import { formatHostPort, type HostPort, isLoopback, isUnspecified } from "../lib/host_port.ts";
import type { Config } from "./schema.ts";

/** One nonsensical combination; `path` is the key to change. */
export interface Contradiction {
  readonly path: string;
  readonly message: string;
}

/** Everything that is wrong, in the order of the keys. */
export function contradictions(config: Config): readonly Contradiction[] {
  return [
    ...timing(config),
    ...sizes(config),
    ...peers(config),
    ...joining(config),
    ...removal(config),
    ...addresses(config),
    ...exposure(config),
  ];
}

function* timing({ raft, retry }: Config): Iterable<Contradiction> {
  if (raft.electionTimeoutMinMs < 3 * raft.heartbeatIntervalMs) {
    yield {
      path: "raft.election_timeout_min_ms",
      message:
        `raft.election_timeout_min_ms is ${raft.electionTimeoutMinMs}; allowed is at least ` +
        `three times raft.heartbeat_interval_ms, which is ${raft.heartbeatIntervalMs}`,
    };
  }
  if (raft.electionTimeoutMaxMs <= raft.electionTimeoutMinMs) {
    yield {
      path: "raft.election_timeout_max_ms",
      message:
        `raft.election_timeout_max_ms is ${raft.electionTimeoutMaxMs}; allowed is more than ` +
        `raft.election_timeout_min_ms, which is ${raft.electionTimeoutMinMs}`,
    };
  }
  const leaseMs = leaseMsOf(raft);
  if (raft.leaseReads && leaseMs <= 2 * raft.heartbeatIntervalMs) {
    yield {
      path: "raft.lease_margin_ms",
      message: `raft.lease_margin_ms is ${raft.leaseMarginMs}, which leaves a lease of ` +
        `${leaseMs} ms (raft.election_timeout_min_ms less the drift and this); allowed is what ` +
        `leaves more than two heartbeats, ${2 * raft.heartbeatIntervalMs} ms`,
    };
  }
  if (retry.reconnectBackoffMaxMs < retry.reconnectBackoffMinMs) {
    yield {
      path: "retry.reconnect_backoff_max_ms",
      message: `retry.reconnect_backoff_max_ms is ${retry.reconnectBackoffMaxMs}; allowed is at ` +
        `least retry.reconnect_backoff_min_ms, which is ${retry.reconnectBackoffMinMs}`,
    };
  }
}

function leaseMsOf({ electionTimeoutMinMs, clockDriftPermilleMax, leaseMarginMs }: Config["raft"]) {
  return Math.floor(electionTimeoutMinMs * (1 - clockDriftPermilleMax / 1000)) - leaseMarginMs;
}

function* sizes({ limits, storage }: Config): Iterable<Contradiction> {
  const holders = [
    ["limits.request_bytes_max", limits.requestBytesMax],
    ["limits.grpc_message_bytes_max", limits.grpcMessageBytesMax],
  ] as const;
  for (const [path, bytes] of holders) {
    if (bytes >= limits.valueBytesMax) continue;
    yield {
      path,
      message: `${path} is ${bytes}; allowed is at least limits.value_bytes_max, which is ` +
        `${limits.valueBytesMax}`,
    };
  }
  const largestBytes = Math.max(limits.requestBytesMax, limits.grpcMessageBytesMax);
  if (limits.requestsMemoryBytesMax < largestBytes) {
    yield {
      path: "limits.requests_memory_bytes_max",
      message: `limits.requests_memory_bytes_max is ${limits.requestsMemoryBytesMax}; allowed is ` +
        "at least the larger of limits.request_bytes_max and limits.grpc_message_bytes_max, " +
        `which is ${largestBytes}`,
    };
  }
  if (storage.spaceReserveBytes > storage.spaceLowBytes) {
    yield {
      path: "storage.space_reserve_bytes",
      message: `storage.space_reserve_bytes is ${storage.spaceReserveBytes}; allowed is at most ` +
        `storage.space_low_bytes, which is ${storage.spaceLowBytes}`,
    };
  }
}

function* peers(config: Config): Iterable<Contradiction> {
  const ids = new Set<number>([config.nodeId]);
  const taken = new Set<string>([ownRpcAddress(config)]);
  for (const [at, peer] of config.peers.entries()) {
    if (peer.id === config.nodeId) {
      yield {
        path: `peers[${at}].id`,
        message: `peers[${at}].id is ${peer.id}, which is this node's own node_id; peers lists ` +
          "the others",
      };
    } else if (ids.has(peer.id)) {
      yield {
        path: `peers[${at}].id`,
        message: `peers[${at}].id is ${peer.id}, which stands there twice`,
      };
    }
    if (taken.has(peer.addr)) {
      yield {
        path: `peers[${at}].addr`,
        message: `peers[${at}].addr is ${peer.addr}, which another node of this list or this ` +
          "node has",
      };
    }
    ids.add(peer.id);
    taken.add(peer.addr);
  }
}

function* joining({ join, peers }: Config): Iterable<Contradiction> {
  if (join.length === 0 || peers.length === 0) return;
  yield {
    path: "join",
    message: "join is set, and so is peers: a node joins a cluster that exists, or forms one " +
      "with its peers",
  };
}

/** A restart, a pause of the machine, a repair of the network must not cost a member its place. */
const removeAfterMsMin = 60_000;

function* removal({ raft: { removeDeadAfterMs: afterMs } }: Config): Iterable<Contradiction> {
  if (afterMs === 0 || afterMs >= removeAfterMsMin) return;
  yield {
    path: "raft.remove_dead_after_ms",
    message: `raft.remove_dead_after_ms is ${afterMs}; allowed is 0, which removes nobody, or at ` +
      `least ${removeAfterMsMin}`,
  };
}

function ownRpcAddress(config: Config): string {
  return config.rpcAdvertiseAddr ?? formatHostPort(config.rpcAddr);
}

function* addresses(config: Config): Iterable<Contradiction> {
  const listeners = listenersOf(config);
  for (const { name, address, advertised } of listeners) {
    const isAlone = config.peers.length === 0 && config.join.length === 0;
    if (isAlone || advertised !== undefined) continue;
    const unreachable = isUnspecified(address.host) ? "every interface" : "no fixed port";
    // Who joins says which port it was given; the peers of a file have to know it before.
    const isKnown = address.port !== 0 || config.peers.length === 0;
    if (!isUnspecified(address.host) && isKnown) continue;
    const advertise = name.replace("_addr", "_advertise_addr");
    yield {
      path: advertise,
      message: `${name} is ${formatHostPort(address)}, which names ${unreachable}: set ` +
        `${advertise} to where the peers reach this node`,
    };
  }
  for (const [at, { name, address }] of listeners.entries()) {
    const other = listeners.slice(0, at).find((earlier) => sameListener(earlier.address, address));
    if (other === undefined) continue;
    yield {
      path: name,
      message: `${name} is ${formatHostPort(address)}, where ${other.name} listens already`,
    };
  }
  if (config.clientRpcAdvertiseAddr !== undefined && config.clientRpcAddr === undefined) {
    yield {
      path: "client_rpc_advertise_addr",
      message: "client_rpc_advertise_addr is set and client_rpc_addr is not: without it, clients " +
        "use rpc_addr",
    };
  }
}

interface Listener {
  readonly name: string;
  readonly address: HostPort;
  readonly advertised: string | undefined;
}

function listenersOf(config: Config): readonly Listener[] {
  const always: readonly Listener[] = [
    { name: "rpc_addr", address: config.rpcAddr, advertised: config.rpcAdvertiseAddr },
    { name: "http_addr", address: config.httpAddr, advertised: config.httpAdvertiseAddr },
  ];
  if (config.clientRpcAddr === undefined) return always;
  const { clientRpcAddr, clientRpcAdvertiseAddr } = config;
  return [
    ...always,
    { name: "client_rpc_addr", address: clientRpcAddr, advertised: clientRpcAdvertiseAddr },
  ];
}

function sameListener(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.port !== 0 &&
    (a.host === b.host || isUnspecified(a.host) || isUnspecified(b.host));
}

function* exposure(config: Config): Iterable<Contradiction> {
  if (config.security.insecureAllowNonLoopback) return;
  for (const { name, address } of listenersOf(config)) {
    if (isLoopback(address.host)) continue;
    yield {
      path: name,
      message:
        `${name} is ${formatHostPort(address)}, which other machines can reach, and nothing ` +
        "is encrypted or authenticated; allowed is a loopback address, or " +
        "security.insecure_allow_non_loopback: true where the network itself is safe",
    };
  }
}

/** The workloads of d-engine's first benchmark table: 8-byte keys, 256-byte values. */

import type { Operation } from "./measurement.ts";

export interface Workload {
  /** What `--workloads` calls it. */
  readonly id: string;
  readonly title: string;
  readonly operation: Operation;
  readonly connections: number;
  readonly clients: number;
}

export const workloads: readonly Workload[] = [
  { id: "write1", title: "write, 1 client", operation: "write", connections: 1, clients: 1 },
  {
    id: "write100",
    title: "write, 100 clients",
    operation: "write",
    connections: 10,
    clients: 100,
  },
  {
    id: "read100",
    title: "linearizable read, 100 clients",
    operation: "linearizableRead",
    connections: 10,
    clients: 100,
  },
  {
    id: "eventual100",
    title: "eventual read, 100 clients",
    operation: "eventualRead",
    connections: 10,
    clients: 100,
  },
];

export const keyBytes = 8;
export const valueBytes = 256;

/**
 * The load generator, a process of its own: takes a LoadOrder as JSON in its only argument, prints
 * the Measurement as JSON, and ends. The same code drives every system.
 */

import process from "node:process";
import { grpcMessage, grpcPath, isGoodAnswer, makeKeyValues, restCall } from "./calls.ts";
import { ClosedLoop } from "./closed_loop.ts";
import type { Connection, ConnectionEvents } from "./connection.ts";
import { connectGrpc } from "./grpc_connection.ts";
import type { Address, LoadOrder, Measurement } from "./measurement.ts";
import { processorUs } from "./processor_time.ts";
import { connectRest } from "./rest_connection.ts";

export async function runLoad(order: LoadOrder): Promise<Measurement> {
  const marks = { server: processorUs(order.serverPids), own: process.cpuUsage() };
  const { promise, resolve } = Promise.withResolvers<Measurement>();
  const loop = new ClosedLoop(order, {
    nowMs: () => performance.now(),
    after: (ms, run) => void setTimeout(run, ms),
    onStart: () => {
      marks.server = processorUs(order.serverPids);
      marks.own = process.cpuUsage();
    },
    onEnd: () => {
      const own = process.cpuUsage(marks.own);
      marks.own = own;
      const now = processorUs(order.serverPids);
      marks.server = now === undefined || marks.server === undefined
        ? undefined
        : now - marks.server;
    },
  }, ({ histogram, errors, firstError, startedMs, endedMs }) => {
    resolve({
      seconds: (endedMs - startedMs) / 1_000,
      latency: histogram.summary(),
      ...{ errors, firstError },
      serverCpuUs: order.serverPids.length === 0 ? undefined : marks.server,
      generatorCpuUs: marks.own.user + marks.own.system,
    });
  });
  const connections = await openConnections(order, loop);
  loop.start(connections);
  const measurement = await promise;
  for (const connection of connections) connection.close();
  return measurement;
}

async function openConnections(
  order: LoadOrder,
  loop: ClosedLoop,
): Promise<readonly Connection[]> {
  const keyValues = makeKeyValues(order);
  const { system, operation, targets, surface } = order;
  const isGood = (answer: Uint8Array): boolean => isGoodAnswer(order, answer);
  const target = (at: number): Address => targets[at % targets.length]!;
  if (surface === "grpc") {
    const messages = keyValues.map((each) => grpcMessage(system, operation, each));
    const path = grpcPath(system, operation);
    return await Promise.all(Array.from(
      { length: Math.min(order.connections, order.clients) },
      (_, at) => connectGrpc({ target: target(at), path, messages, isGood }, loop),
    ));
  }
  const requests = new Map(
    targets.map((host) =>
      [host, keyValues.map((each) => restCall(system, operation, each, host))] as const
    ),
  );
  return await Promise.all(Array.from({ length: order.clients }, (_, client) => {
    const events: ConnectionEvents = { answered: (_, failure) => loop.answered(client, failure) };
    const host = target(client);
    return connectRest({ target: host, requests: requests.get(host)!, isGood }, events);
  }));
}

if (import.meta.main) {
  const order: LoadOrder = JSON.parse(process.argv[2] ?? "");
  console.log(JSON.stringify(await runLoad(order)));
  process.exit(0);
}

/**
 * The calls of every workload in the words of both systems. All bytes are made before the clock
 * starts, one call per key, so that the generator only copies them while it is measured.
 */

import { ByteWriter, utf8 } from "../../src/lib/bytes.ts";
import { Prng } from "../../src/lib/prng.ts";
import {
  type Address,
  type LoadOrder,
  type Operation,
  rangeKeys,
  type SystemName,
} from "./measurement.ts";

export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Keys are zero-padded decimals, values are random bytes. */
export function makeKeyValues(
  order: Pick<LoadOrder, "keys" | "drawnFrom" | "keyBytes" | "valueBytes" | "seed">,
): readonly KeyValue[] {
  const prng = new Prng(order.seed);
  const { drawnFrom } = order;
  const numberOf = (at: number): number => drawnFrom === undefined ? at : prng.below(drawnFrom);
  return Array.from({ length: order.keys }, (_, at) => ({
    key: utf8(keyText(numberOf(at), order.keyBytes)),
    value: Uint8Array.from({ length: order.valueBytes }, () => prng.below(256)),
  }));
}

/** The key of this number. */
export function keyText(number: number, keyBytes: number): string {
  return String(number).padStart(keyBytes, "0");
}

/** The whole HTTP/1.1 request. */
export function restCall(
  system: SystemName,
  operation: Operation,
  { key, value }: KeyValue,
  host: Address,
): Uint8Array {
  const isWrite = operation === "write" || operation === "fill";
  const text = new TextDecoder().decode(key);
  if (system === "skein") {
    if (operation === "range") {
      return request(`GET /v1/kv?start=${text}&limit=${rangeKeys}`, host);
    }
    const level = operation === "eventualRead" ? "?consistency=eventual" : "";
    return isWrite
      ? request(`PUT /v1/kv/${text}`, host, value)
      : request(`GET /v1/kv/${text}${level}`, host);
  }
  const key64 = base64(key);
  if (isWrite) {
    const body = JSON.stringify({ key: key64, value: base64(value) });
    return request("POST /v3/kv/put", host, utf8(body));
  }
  const serializable = operation === "eventualRead";
  const body = JSON.stringify({ key: key64, ...(serializable && { serializable }) });
  return request("POST /v3/kv/range", host, utf8(body));
}

function request(line: string, { host, port }: Address, body?: Uint8Array): Uint8Array {
  const length = body === undefined ? "" : `Content-Length: ${body.length}\r\n`;
  const head = utf8(`${line} HTTP/1.1\r\nHost: ${host}:${port}\r\n${length}\r\n`);
  return new ByteWriter().raw(head).raw(body ?? new Uint8Array(0)).finish();
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

export function grpcPath(system: SystemName, operation: Operation): string {
  const isWrite = operation === "write" || operation === "fill";
  if (system === "etcd") return isWrite ? "/etcdserverpb.KV/Put" : "/etcdserverpb.KV/Range";
  const service = "/d_engine.client.RaftClientService";
  return isWrite ? `${service}/HandleClientWrite` : `${service}/HandleClientRead`;
}

/** The protobuf message, without the five bytes that gRPC puts before it. */
export function grpcMessage(
  system: SystemName,
  operation: Operation,
  { key, value }: KeyValue,
): Uint8Array {
  const isWrite = operation === "write" || operation === "fill";
  const eventual = operation === "eventualRead";
  if (system === "etcd") {
    if (isWrite) return message(bytesField(1, key), bytesField(2, value));
    return message(bytesField(1, key), ...(eventual ? [numberField(7, 1)] : []));
  }
  const clientId = numberField(1, 1);
  if (isWrite) {
    const insert = message(bytesField(1, key), bytesField(2, value));
    return message(clientId, bytesField(2, bytesField(1, insert)));
  }
  // LINEARIZABLE_READ = 1, EVENTUAL_CONSISTENCY = 2
  return message(clientId, bytesField(2, key), numberField(3, eventual ? 2 : 1));
}

function message(...fields: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter();
  for (const field of fields) writer.raw(field);
  return writer.finish();
}

function bytesField(number: number, bytes: Uint8Array): Uint8Array {
  return new ByteWriter(bytes.length + 16).varint((number << 3) | 2).bytes(bytes).finish();
}

function numberField(number: number, value: number): Uint8Array {
  return new ByteWriter(16).varint(number << 3).varint(value).finish();
}

/**
 * Whether a body or message is what a successful call is answered with: a read must bring the
 * value, which is longer than any error.
 */
export function isGoodAnswer(
  order: Pick<LoadOrder, "system" | "surface" | "operation" | "valueBytes">,
  answer: Uint8Array,
): boolean {
  const isWrite = order.operation === "write" || order.operation === "fill";
  // In d-engine's protocol an error is a number in field 1 of an answer with status OK.
  const isDEngine = order.system === "skein" && order.surface === "grpc";
  if (isDEngine && answer[0] === 0x08 && answer[1] !== 0) return false;
  if (order.operation === "range") return answer.length >= rangeKeys * order.valueBytes;
  return answer.length >= (isWrite ? 1 : order.valueBytes);
}

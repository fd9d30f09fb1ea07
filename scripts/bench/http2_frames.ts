/**
 * As much of HTTP/2 (RFC 9113) as one end of plain gRPC needs: frames in and out, and the few
 * header blocks that a generator sends. Header blocks that arrive are skipped: what a call came to
 * stands in its message.
 */

import { ByteWriter, concatBytes, emptyBytes, utf8 } from "../../src/lib/bytes.ts";

export const frameType = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;

export const flagEndStream = 0x1;
export const flagEndHeaders = 0x4;
/** On SETTINGS and PING. */
export const flagAck = 0x1;
const flagPadded = 0x8;

export const settingId = { headerTableSize: 1, enablePush: 2, initialWindowSize: 4 } as const;
/** What a window is before anybody says otherwise (RFC 9113 §6.9.2). */
export const windowDefaultBytes = 65_535;
export const preface: Uint8Array = utf8("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  /** A view of what arrived; without the padding of DATA. */
  readonly payload: Uint8Array;
  /** What counts in flow control: the payload with its padding. */
  readonly length: number;
}

const headBytes = 9;

/** Cuts a byte stream into frames. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  #rest: Uint8Array = emptyBytes;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  push(chunk: Uint8Array): void {
    const bytes = this.#rest.length === 0 ? chunk : concatBytes([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= headBytes) {
      const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
      const end = at + headBytes + length;
      if (bytes.length < end) break;
      this.#onFrame(frameAt(bytes, at, length));
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }
}

function frameAt(bytes: Uint8Array, at: number, length: number): Frame {
  const type = bytes[at + 3]!;
  const flags = bytes[at + 4]!;
  const start = at + headBytes;
  const padded = type === frameType.data && (flags & flagPadded) !== 0;
  const payload = padded
    ? bytes.subarray(start + 1, start + length - bytes[start]!)
    : bytes.subarray(start, start + length);
  return { type, flags, stream: uint32At(bytes, at + 5) & 0x7fffffff, payload, length };
}

export function uint32At(bytes: Uint8Array, at: number): number {
  const high = (bytes[at]! << 24) | (bytes[at + 1]! << 16);
  return (high | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Writes the number of a stream into the head of the frame that begins at `at`. */
export function setStream(bytes: Uint8Array, at: number, stream: number): void {
  bytes[at + 5] = stream >>> 24;
  bytes[at + 6] = stream >>> 16;
  bytes[at + 7] = stream >>> 8;
  bytes[at + 8] = stream;
}

export function encodeFrame(frame: {
  readonly type: number;
  readonly flags?: number;
  readonly stream?: number;
  readonly payload: Uint8Array;
}): Uint8Array {
  const { type, flags = 0, stream = 0, payload } = frame;
  const bytes = new Uint8Array(headBytes + payload.length);
  bytes[0] = payload.length >>> 16;
  bytes[1] = payload.length >>> 8;
  bytes[2] = payload.length;
  bytes[3] = type;
  bytes[4] = flags;
  setStream(bytes, 0, stream);
  bytes.set(payload, headBytes);
  return bytes;
}

export function encodeSettings(settings: ReadonlyMap<number, number>): Uint8Array {
  const writer = new ByteWriter();
  for (const [id, value] of settings) writer.raw(bigEndian(id, 2)).raw(bigEndian(value, 4));
  return encodeFrame({ type: frameType.settings, payload: writer.finish() });
}

export function decodeSettings(payload: Uint8Array): ReadonlyMap<number, number> {
  const settings = new Map<number, number>();
  for (let at = 0; at + 6 <= payload.length; at += 6) {
    settings.set((payload[at]! << 8) | payload[at + 1]!, uint32At(payload, at + 2));
  }
  return settings;
}

/** Grants `bytes` more to the whole connection. */
export function encodeWindowUpdate(bytes: number): Uint8Array {
  return encodeFrame({ type: frameType.windowUpdate, payload: bigEndian(bytes, 4) });
}

function bigEndian(value: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => value >>> (8 * (length - 1 - at)));
}

/**
 * The header blocks of the calls of one connection (HPACK, RFC 7541). The first call teaches the
 * server the fields, all later ones name them by a byte each, as every ordinary client does.
 */
export function callHeaders(
  path: string,
  authority: string,
): { readonly first: Uint8Array; readonly later: Uint8Array } {
  const method = 0x83;
  const scheme = 0x86;
  const newField = 0x40;
  const first = new ByteWriter().u8(method).u8(scheme);
  plainText(first.u8(newField | 4), path);
  plainText(first.u8(newField | 1), authority);
  plainText(first.u8(newField | 31), "application/grpc");
  plainText(plainText(first.u8(newField), "te"), "trailers");
  // The newest entry of the dynamic table is number 62, and they were added in the order above.
  const later = Uint8Array.of(method, scheme, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62);
  return { first: first.finish(), later };
}

/** A string without Huffman coding, its length in one byte: all of ours are that short. */
function plainText(writer: ByteWriter, text: string): ByteWriter {
  const bytes = utf8(text);
  if (bytes.length >= 127) throw new RangeError(`${text} is too long for a header here`);
  return writer.u8(bytes.length).raw(bytes);
}

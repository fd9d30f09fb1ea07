/**
 * A server that does nothing: it answers every call with a value at once, by REST on one port and
 * by gRPC on another. What the generator reaches against it is the most that it can measure.
 */

import { createServer, type Socket } from "node:net";
import process from "node:process";
import { ByteWriter, concatBytes, utf8 } from "../../src/lib/bytes.ts";
import {
  encodeFrame,
  encodeSettings,
  encodeWindowUpdate,
  flagAck,
  flagEndHeaders,
  flagEndStream,
  FrameReader,
  frameType,
  preface,
} from "./http2_frames.ts";
import { valueBytes } from "./workloads.ts";

const value = new Uint8Array(valueBytes);
const restAnswer = concatBytes([
  utf8(`HTTP/1.1 200 OK\r\nContent-Length: ${valueBytes}\r\n\r\n`),
  value,
]);

/** Every request comes alone on its connection and in one piece: no parsing is needed. */
function serveRest(socket: Socket): void {
  socket.on("data", () => void socket.write(restAnswer));
  socket.on("error", () => {});
}

const statusOk = Uint8Array.of(0x88);
const grpcStatusOk = new ByteWriter().u8(0).u8(11).raw(utf8("grpc-status")).u8(1).raw(utf8("0"))
  .finish();
const message = concatBytes([Uint8Array.of(0, 0, 0, 1, 0), value]);

function serveGrpc(socket: Socket): void {
  let greeted = false;
  let received = 0;
  let answers: Uint8Array[] = [];
  const reader = new FrameReader(({ type, flags, stream, length }) => {
    const ends = (flags & flagEndStream) !== 0;
    if (type === frameType.settings && (flags & flagAck) === 0) {
      answers.push(encodeFrame({ type, flags: flagAck, payload: new Uint8Array(0) }));
    }
    if (type !== frameType.data || !ends) return;
    received += length;
    const headers = frameType.headers;
    answers.push(
      encodeFrame({ type: headers, flags: flagEndHeaders, stream, payload: statusOk }),
      encodeFrame({ type: frameType.data, stream, payload: message }),
      encodeFrame({
        ...{ type: headers, flags: flagEndHeaders | flagEndStream, stream },
        payload: grpcStatusOk,
      }),
    );
  });
  socket.write(encodeSettings(new Map()));
  socket.on("data", (chunk: Uint8Array) => {
    // The client's preface comes in one piece with its first frames.
    reader.push(greeted ? chunk : chunk.subarray(preface.length));
    greeted = true;
    if (received > 0) answers.push(encodeWindowUpdate(received));
    received = 0;
    socket.write(concatBytes(answers));
    answers = [];
  });
  socket.on("error", () => {});
}

if (import.meta.main) {
  const [restPort, grpcPort] = process.argv.slice(2).map(Number);
  createServer(serveRest).listen(restPort, "127.0.0.1");
  createServer(serveGrpc).listen(grpcPort, "127.0.0.1");
}

import { utf8 } from "../../../../src/lib/bytes.ts";
import { Http1Answers } from "../../../../scripts/bench/http1_answers.ts";
import { assert, describe, it } from "../../../harness/test.ts";

/** `status body` of every answer that came out, the bytes going in by pieces of `step`. */
function read(text: string, step: number): readonly string[] {
  const answers: string[] = [];
  const reader = new Http1Answers(({ status, body }) => {
    answers.push(`${status} ${new TextDecoder().decode(body)}`);
  });
  const bytes = utf8(text);
  for (let at = 0; at < bytes.length; at += step) reader.push(bytes.slice(at, at + step));
  return answers;
}

const two = "HTTP/1.1 201 Created\r\nContent-Type: a/b\r\ncontent-length: 5\r\nX: y\r\n\r\nhello" +
  "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
const chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" +
  "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n";

describe("Http1Answers", () => {
  it("reads answers however they are cut", () => {
    for (let step = 1; step <= two.length; step++) {
      assert.deepEqual(read(two, step), ["201 hello", "404 "], `pieces of ${step}`);
    }
  });

  it("puts chunks together", () => {
    for (let step = 1; step <= chunked.length; step++) {
      assert.deepEqual(read(chunked + two, step), ["200 abc0123456789", "201 hello", "404 "]);
    }
  });

  it("does not take a body's text for headers", () => {
    const body = "Content-Length: 1\r\n\r\n";
    const text = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    assert.deepEqual(read(text, text.length), [`200 ${body}`]);
  });

  it("refuses an answer whose end is a guess", () => {
    assert.throws(() => read("HTTP/1.1 200 OK\r\nServer: x\r\n\r\nhello", 1_000), /neither/);
  });

  it("refuses lengths that are none", () => {
    assert.throws(() => read("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", 1_000), /no number/);
    const badChunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n";
    assert.throws(() => read(badChunk, 1_000), /no length/);
  });
});

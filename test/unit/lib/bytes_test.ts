import { assert, describe, it } from "../../harness/test.ts";
import {
  base64url,
  ByteReader,
  ByteWriter,
  compareBytes,
  concatBytes,
  emptyBytes,
  equalBytes,
  fromBase64url,
  hex,
  lossyText,
  MalformedBytesError,
  prefixEnd,
  strictText,
  utf8,
} from "../../../src/lib/bytes.ts";
import { AssertionError } from "../../../src/lib/assert.ts";
import { Prng } from "../../../src/lib/prng.ts";

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

function randomBytes(prng: Prng, lengthMax: number, below = 256): Uint8Array {
  return Uint8Array.from({ length: prng.below(lengthMax + 1) }, () => prng.below(below));
}

const base64urlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

function pick(prng: Prng, from: readonly string[]): string {
  return from[prng.below(from.length)]!;
}

/** RFC 4648 §5, bit by bit: padding may be left out, or be whole; the bits behind are zero. */
function decodeByDefinition(text: string): Uint8Array | undefined {
  const bare = /^([A-Za-z0-9_-]*)(={0,2})$/.exec(text);
  if (bare === null) return undefined;
  const [, letters = "", padding = ""] = bare;
  if (letters.length % 4 === 1 || (padding !== "" && text.length % 4 !== 0)) return undefined;
  const bits = [...letters]
    .map((letter) => base64urlAlphabet.indexOf(letter).toString(2).padStart(6, "0"))
    .join("");
  const wholeBits = bits.length - (bits.length % 8);
  if (bits.slice(wholeBits).includes("1")) return undefined;
  return Uint8Array.from(
    { length: wholeBits / 8 },
    (_, at) => Number.parseInt(bits.slice(at * 8, at * 8 + 8), 2),
  );
}

describe("compareBytes", () => {
  it("orders by unsigned bytes, a prefix before what it begins", () => {
    const ordered = [
      bytes(),
      bytes(0),
      bytes(0, 0),
      bytes(0, 255),
      bytes(1),
      bytes(127),
      bytes(128),
      bytes(255),
      bytes(255, 0),
    ];
    for (const [i, a] of ordered.entries()) {
      for (const [j, b] of ordered.entries()) {
        assert.equal(Math.sign(compareBytes(a, b)), Math.sign(i - j), `${hex(a)} ${hex(b)}`);
        assert.equal(equalBytes(a, b), i === j);
      }
    }
  });

  it("differs from the order of JavaScript strings where UTF-16 does", () => {
    const [high, astral] = ["\uff5e", "\u{1f600}"];
    assert.ok(high > astral);
    assert.ok(compareBytes(utf8(high), utf8(astral)) < 0);
  });
});

describe("prefixEnd", () => {
  it("is the smallest string above all that start with the prefix", () => {
    assert.deepEqual(prefixEnd(bytes(1, 2)), bytes(1, 3));
    const buffer = Buffer.from([1, 2]);
    assert.deepEqual(new Uint8Array(prefixEnd(buffer)!), bytes(1, 3));
    assert.deepEqual([...buffer], [1, 2], "what was given stays");
    assert.deepEqual(prefixEnd(bytes(1, 255)), bytes(2));
    assert.deepEqual(prefixEnd(bytes(1, 255, 255)), bytes(2));
    assert.deepEqual(prefixEnd(bytes(0)), bytes(1));
    assert.equal(prefixEnd(bytes(255, 255)), undefined);
    assert.equal(prefixEnd(bytes()), undefined);
  });

  it("separates what starts with the prefix from what does not, for random strings", () => {
    const prng = new Prng(1);
    for (let round = 0; round < 5_000; round++) {
      const prefix = randomBytes(prng, 3, 3).map((byte) => byte + 253);
      const key = randomBytes(prng, 4, 3).map((byte) => byte + 253);
      const end = prefixEnd(prefix);
      const isInside = compareBytes(key, prefix) >= 0 &&
        (end === undefined || compareBytes(key, end) < 0);
      const startsWith = equalBytes(key.subarray(0, prefix.length), prefix);
      assert.equal(isInside, startsWith, `${hex(prefix)} ${hex(key)}`);
    }
  });
});

describe("text", () => {
  it("joins and shows bytes", () => {
    assert.deepEqual(concatBytes([bytes(1), emptyBytes, bytes(2, 3)]), bytes(1, 2, 3));
    assert.deepEqual(concatBytes([]), emptyBytes);
    assert.equal(hex(bytes(0, 10, 255)), "000aff");
  });

  it("is strict where it says so, and keeps a byte order mark", () => {
    assert.equal(strictText(utf8("aä😀\0")), "aä😀\0");
    assert.equal(strictText(utf8("\ufeffa")), "\ufeffa");
    const malformed = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [
      0xe2,
      0x82,
    ]];
    for (const each of malformed) {
      assert.equal(strictText(bytes(...each)), undefined, hex(bytes(...each)));
      assert.match(lossyText(bytes(...each)), /\ufffd/);
    }
  });
});

describe("base64url", () => {
  it("gives the test vectors of RFC 4648 §10, without padding", () => {
    const vectors = { "": "", f: "Zg", fo: "Zm8", foo: "Zm9v", foob: "Zm9vYg", foobar: "Zm9vYmFy" };
    for (const [text, encoded] of Object.entries(vectors)) {
      assert.equal(base64url(utf8(text)), encoded);
      assert.deepEqual(fromBase64url(encoded), utf8(text));
    }
    assert.equal(base64url(bytes(0xfb, 0xff, 0xfe)), "-__-");
  });

  it("takes padding where it belongs", () => {
    assert.deepEqual(fromBase64url("Zg=="), utf8("f"));
    assert.deepEqual(fromBase64url("Zm8="), utf8("fo"));
  });

  it("refuses stray bits, wrong padding, wrong lengths and other letters", () => {
    const refused = [
      "Zh",
      "Zm9",
      "Z",
      "Zm9vY",
      "Zg=",
      "Zm8==",
      "=",
      "==",
      "Zm9v=",
      "Zg==Zg==",
      "Zg===",
      "Zm+v",
      "Zm/v",
      "Zm9v\n",
      " Zm9v",
      "Zm9ä",
    ];
    for (const text of refused) assert.equal(fromBase64url(text), undefined, JSON.stringify(text));
  });

  it("agrees with the definition on well-formed and malformed text", () => {
    const prng = new Prng(3);
    const strange = [..." \t\n\r\f\v\0=+/.äĀ\u{1f600}", "\ud800", "\u00a0", "\ufeff"];
    const letters = [...base64urlAlphabet];
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: prng.below(13) }, () => pick(prng, letters));
      for (let padding = prng.below(3); padding > 0; padding--) text.push("=");
      for (let faults = prng.below(3); faults > 0; faults--) {
        text.splice(prng.below(text.length + 1), prng.below(2), pick(prng, strange));
      }
      const joined = text.join("");
      assert.deepEqual(fromBase64url(joined), decodeByDefinition(joined), JSON.stringify(joined));
    }
  });

  it("has exactly one form for every byte string", () => {
    const prng = new Prng(2);
    for (let round = 0; round < 2_000; round++) {
      const value = randomBytes(prng, 20);
      assert.deepEqual(fromBase64url(base64url(value)), value);
    }
    const alphabet = "AQgw-_/=";
    for (let round = 0; round < 5_000; round++) {
      const text = Array.from({ length: prng.below(6) }, () => alphabet[prng.below(8)]!).join("");
      const decoded = fromBase64url(text);
      if (decoded !== undefined) assert.equal(base64url(decoded), text.replace(/=+$/, ""));
    }
  });
});

describe("ByteWriter and ByteReader", () => {
  it("give back what was written, over any growth of the buffer", () => {
    const writer = new ByteWriter(1).u8(255).u32(0xdeadbeef).varint(300).bytes(bytes(1, 2))
      .text("aä").raw(bytes(9));
    const written = writer.finish();
    assert.equal(writer.length, written.length);
    assert.deepEqual(written.subarray(0, 7), bytes(255, 0xef, 0xbe, 0xad, 0xde, 0xac, 0x02));
    const reader = new ByteReader(written);
    assert.deepEqual([reader.u8(), reader.u32(), reader.varint()], [255, 0xdeadbeef, 300]);
    assert.deepEqual(reader.bytes(), bytes(1, 2));
    assert.equal(reader.text(), "aä");
    assert.deepEqual(reader.raw(1), bytes(9));
    reader.end();
  });

  it("write varints of every width, up to 2^53 - 1", () => {
    for (let bits = 0; bits <= 53; bits++) {
      for (const value of [2 ** bits - 2, 2 ** bits - 1, 2 ** bits, 2 ** bits + 1]) {
        if (value < 0 || value > Number.MAX_SAFE_INTEGER) continue;
        const written = new ByteWriter().varint(value).finish();
        assert.equal(written.length, Math.ceil(value.toString(2).length / 7), `${value}`);
        assert.equal(new ByteReader(written).varint(), value);
      }
    }
    for (let capacity = 0; capacity < 10; capacity++) {
      const written = new ByteWriter(capacity).varint(Number.MAX_SAFE_INTEGER).finish();
      assert.equal(new ByteReader(written).varint(), Number.MAX_SAFE_INTEGER);
    }
  });

  it("refuse to write what is no safe non-negative integer", () => {
    for (const value of [-1, 0.5, 2 ** 53, NaN, Infinity]) {
      assert.throws(() => new ByteWriter().varint(value), AssertionError, `${value}`);
    }
  });

  it("refuse to read varints above 2^53 - 1 or without an end", () => {
    const tooLarge = bytes(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10);
    const endless = new Uint8Array(20).fill(0x80);
    for (const each of [tooLarge, endless, new Uint8Array(8).fill(0xff), bytes(0x80), bytes()]) {
      assert.throws(() => new ByteReader(each).varint(), MalformedBytesError, hex(each));
    }
    const largest = bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f);
    assert.equal(new ByteReader(largest).varint(), Number.MAX_SAFE_INTEGER);
  });

  it("refuse lengths beyond the end, text that is not UTF-8, and bytes left over", () => {
    const refused: readonly (readonly [Uint8Array, (reader: ByteReader) => unknown])[] = [
      [bytes(), (reader) => reader.u8()],
      [bytes(1, 2, 3), (reader) => reader.u32()],
      [bytes(2, 1), (reader) => reader.bytes()],
      [bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f), (reader) => reader.bytes()],
      [bytes(1, 0xff), (reader) => reader.text()],
      [bytes(1), (reader) => reader.end()],
    ];
    for (const [input, read] of refused) {
      assert.throws(() => read(new ByteReader(input)), MalformedBytesError, hex(input));
    }
  });

  it("answer random input with values or with MalformedBytesError, and never read outside", () => {
    const prng = new Prng(3);
    const methods = ["u8", "u32", "varint", "bytes", "text"] as const;
    let refused = 0;
    for (let round = 0; round < 5_000; round++) {
      const inner = randomBytes(prng, 12);
      // A view into a larger buffer: what stands around it must not be read.
      const around = concatBytes([bytes(1, 1), inner, new Uint8Array(9)]);
      const reader = new ByteReader(around.subarray(2, 2 + inner.length));
      try {
        while (reader.remaining > 0) {
          const before = reader.remaining;
          const value = reader[methods[prng.below(methods.length)]!]();
          assert.ok(reader.remaining < before);
          if (typeof value === "number") assert.ok(Number.isSafeInteger(value) && value >= 0);
        }
        reader.end();
      } catch (error) {
        if (!(error instanceof MalformedBytesError)) throw error;
        refused++;
      }
    }
    assert.ok(refused > 500 && refused < 4_500, `${refused} refused`);
  });

  it("finish gives a copy", () => {
    const writer = new ByteWriter(64).u8(1);
    const first = writer.finish();
    first[0] = 9;
    assert.deepEqual(writer.u8(2).finish(), bytes(1, 2));
  });
});

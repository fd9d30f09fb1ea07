import {
  applyMergePatch,
  jsonRefusal,
  mergePatchBytesMax,
  mergePatchDepthMax,
} from "../../../src/kv/merge_patch.ts";
import { lossyText, strictText, utf8 } from "../../../src/lib/bytes.ts";
import { Prng } from "../../../src/lib/prng.ts";
import { ownHalf } from "../../harness/runtime.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** The patched document as text; fails when there is none. */
function merged(document: string, patch: string): string {
  const result = applyMergePatch(utf8(document), utf8(patch));
  assert.ok(result.ok, `${document.slice(0, 500)} with ${patch.slice(0, 500)}`);
  assert.equal(jsonRefusal(result.value), undefined);
  return lossyText(result.value);
}

function reasonOf(document: string | Uint8Array, patch: string | Uint8Array): string | undefined {
  const bytes = (it: string | Uint8Array): Uint8Array => typeof it === "string" ? utf8(it) : it;
  const result = applyMergePatch(bytes(document), bytes(patch));
  return result.ok ? undefined : result.reason;
}

/** What the runtime's own parser thinks of `bytes`. */
function isParsed(bytes: Uint8Array): boolean {
  const text = strictText(bytes);
  if (text === undefined) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("a merge patch", () => {
  it("does what RFC 7396 appendix A says", () => {
    const examples: readonly (readonly [document: string, patch: string, result: string])[] = [
      ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
      ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
      ['{"a":"b"}', '{"a":null}', "{}"],
      ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
      ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
      ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
      ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
      ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
      ['["a","b"]', '["c","d"]', '["c","d"]'],
      ['{"a":"b"}', '["c"]', '["c"]'],
      ['{"a":"foo"}', "null", "null"],
      ['{"a":"foo"}', '"bar"', '"bar"'],
      ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
      ["[1,2]", '{"a":"b","c":null}', '{"a":"b"}'],
      ["{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
    ];
    for (const [document, patch, result] of examples) {
      assert.equal(merged(document, patch), result);
    }
  });

  it("does the example of RFC 7396 §3", () => {
    const document = '{"title":"Goodbye!","author":{"givenName":"John","familyName":"Doe"},' +
      '"tags":["example","sample"],"content":"This will be unchanged"}';
    const patch = '{"title":"Hello!","phoneNumber":"+01-123-456-7890",' +
      '"author":{"familyName":null},"tags":["example"]}';
    const result = '{"title":"Hello!","author":{"givenName":"John"},"tags":["example"],' +
      '"content":"This will be unchanged","phoneNumber":"+01-123-456-7890"}';
    assert.equal(merged(document, patch), result);
  });

  it("keeps what numbers and strings look like", () => {
    const document = String.raw`{"a":1.0,"b":1e400,"c":-0,"d":"\u0061\/\ud800","e":1}`;
    const patch = String.raw`{"e":[123456789012345678901234567890,1E+00],"f":"\u000a"}`;
    assert.equal(
      merged(document, patch),
      String.raw`{"a":1.0,"b":1e400,"c":-0,"d":"\u0061\/\ud800",` +
        String.raw`"e":[123456789012345678901234567890,1E+00],"f":"\u000a"}`,
    );
  });

  it("keeps the order of the document, and appends in the order of the patch", () => {
    assert.equal(
      merged('{"z":1,"2":2,"1":3,"a":4}', '{"n":5,"a":6,"0":7,"2":null,"z":8}'),
      '{"z":8,"1":3,"a":6,"n":5,"0":7}',
    );
    assert.equal(merged('{"a":1}', '{"__proto__":{"b":2}}'), '{"a":1,"__proto__":{"b":2}}');
  });

  it("compares names by what they mean, and keeps the document's spelling", () => {
    assert.equal(merged(String.raw`{"\u0061":1}`, '{"a":2}'), String.raw`{"\u0061":2}`);
    assert.equal(merged('{"a":1}', String.raw`{"\u0061":2,"\u0062":3}`), '{"a":2,"\\u0062":3}');
    assert.equal(merged('{"😀":1}', String.raw`{"\uD83d\ude00":null}`), "{}");
    const short = String.raw`\b\f\n\r\t\"\\\/`;
    const long = String.raw`\u0008\u000c\u000A\u000D\u0009\u0022\u005c/`;
    assert.equal(merged(`{"${short}":1}`, `{"${long}":null}`), "{}");
    // A backslash that is escaped itself escapes nothing.
    assert.equal(merged(String.raw`{"\\u0061":1}`, '{"a":2}'), String.raw`{"\\u0061":1,"a":2}`);
    assert.equal(merged(String.raw`{"\ud800":1}`, String.raw`{"\uD800":2}`), '{"\\ud800":2}');
    assert.equal(merged('{"\ufeffa":1}', '{"a":2}'), '{"\ufeffa":1,"a":2}');
  });

  it("drops white space between the tokens of objects it writes, and nowhere else", () => {
    const document = ' { "a" : [ 1 , { } ] ,\n "b" : { "c" : { "d" :\t1 } } , "e":{ "f" : 1 } } ';
    assert.equal(
      merged(document, ' { "b" : { "x" : [ null ] } , "e" : { } } '),
      '{"a":[ 1 , { } ],"b":{"c":{ "d" :\t1 },"x":[ null ]},"e":{ "f" : 1 }}',
    );
    assert.equal(merged(document, " { } "), document);
    assert.equal(merged(' { "a" : 1 } ', '{"b":null}'), '{"a":1}');
    assert.equal(merged(" [ 1 ] ", " { } "), "{}");
    assert.equal(merged("1", ' [ { "a" : null } ] '), '[ { "a" : null } ]');
    const nested = ' { "a" : { "b" : { "c" : null } , "d" : [ ] } } ';
    assert.equal(merged("1", nested), '{"a":{"b":{},"d":[ ]}}');
  });

  it("answers in memory of its own", () => {
    const document = utf8('{"a":1}');
    for (const text of ["{}", "[7]", '{"b":2}']) {
      const patch = utf8(text);
      const result = applyMergePatch(document, patch);
      assert.ok(result.ok);
      result.value.fill(0);
      assert.equal(lossyText(document) + lossyText(patch), `{"a":1}${text}`);
    }
  });

  // A step for each pair of members would be ten thousand million of them.
  it("merges a hundred thousand members at once", () => {
    const object = (from: number, to: number, value: string): string => {
      const members = Array.from({ length: to - from }, (_, at) => `"${from + at}":${value}`);
      return `{${members.join(",")}}`;
    };
    const deleted = merged(object(0, 100_000, "1"), object(40_000, 110_000, "null"));
    assert.ok(deleted === object(0, 40_000, "1"));
    const replaced = merged(object(0, 100_000, "1"), object(0, 100_000, "2"));
    assert.ok(replaced === object(0, 100_000, "2"));
    const appended = merged(object(0, 20_000, "1"), object(20_000, 100_000, "1"));
    assert.ok(appended === object(0, 100_000, "1"));
  });
});

describe("a merge patch is refused", () => {
  it("with a reason that tells whose fault it is, the document's first", () => {
    assert.equal(
      reasonOf("{}", '{"a":1,"b":[1,2,}'),
      "the patch is not JSON: at byte 16 stands 0x7d where a value belongs",
    );
    assert.equal(
      reasonOf('{"a"', "nul"),
      "the document is not JSON: at byte 4 it ends where : belongs",
    );
    assert.equal(
      reasonOf("{}", "nul"),
      "the patch is not JSON: at byte 3 it ends where the rest of null belongs",
    );
  });

  it("when a name stands twice in an object", () => {
    assert.equal(
      reasonOf("{}", String.raw`{"b":[{"a":1,"\u0061":2}]}`),
      String.raw`the patch is ambiguous: at byte 13 the member name "\u0061" ` +
        "stands a second time in its object",
    );
    assert.match(reasonOf('{"x":1,"x":1}', "{}") ?? "", /^the document is ambiguous: at byte 7 /);
    assert.equal(reasonOf('{"a":{"a":[{"a":1},{"a":1}]}}', "{}"), undefined);
    // A long name is cut in the reason, and not within a character.
    const name = `"a${"é".repeat(100)}"`;
    const shown = `"a${"é".repeat(31)}…`;
    assert.ok(jsonRefusal(utf8(`{${name}:1,${name}:2}`))?.includes(`name ${shown} stands`));
  });

  it("beyond the depth, wherever it is", () => {
    const arrays = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    const objects = (depth: number): string => '{"a":'.repeat(depth) + "1" + "}".repeat(depth);
    assert.equal(merged(objects(mergePatchDepthMax), "{}"), objects(mergePatchDepthMax));
    assert.equal(merged("1", arrays(mergePatchDepthMax)), arrays(mergePatchDepthMax));
    assert.equal(
      merged(objects(mergePatchDepthMax), objects(mergePatchDepthMax)),
      objects(mergePatchDepthMax),
    );
    assert.equal(reasonOf(arrays(65), "1"), "the document is nested deeper than 64 at byte 64");
    assert.equal(reasonOf("1", objects(65)), "the patch is nested deeper than 64 at byte 320");
    assert.equal(jsonRefusal(utf8(`{"a":${arrays(63)},"b":[[],{}]}`)), undefined);
    assert.equal(jsonRefusal(utf8("[".repeat(1_000_000))), "nested deeper than 64 at byte 64");
  });

  it("beyond the length, of document, patch and result", () => {
    const stringOf = (length: number): string => `"${"x".repeat(length - 2)}"`;
    const longest = stringOf(mergePatchBytesMax);
    assert.equal(merged("1", longest), longest);
    const tooLong = stringOf(mergePatchBytesMax + 1);
    const reason = "is 1048577 bytes long, allowed are 1048576";
    assert.equal(reasonOf(tooLong, "1"), `the document ${reason}`);
    assert.equal(reasonOf("1", tooLong), `the patch ${reason}`);
    assert.equal(jsonRefusal(utf8(tooLong)), reason.slice("is ".length));
    const document = `{"a":${stringOf(500_000)}}`;
    const patch = (length: number): string =>
      `{"b":${stringOf(mergePatchBytesMax - document.length - '"b":,'.length + length)}}`;
    assert.equal(merged(document, patch(0)).length, mergePatchBytesMax);
    assert.equal(reasonOf(document, patch(1)), `the patched document ${reason}`);
  });
});

/** Escapes of one byte each, `<ff>`, stand for bytes that are no text. */
function rawBytes(text: string): Uint8Array {
  const parts = text.split(/<([0-9a-f]{2})>/);
  return Uint8Array.from(
    parts.flatMap((part, at) => at % 2 === 0 ? [...utf8(part)] : [Number.parseInt(part, 16)]),
  );
}

const goodTexts: readonly string[] = [
  ...["null", "true", "false", "0", "-0", "1", "-12", "10", "1.0", "0.00", "1e1", "1E+5", "1e-05"],
  ...["1e400", "-0.0E-0", "123456789012345678901234567890", '""', '"a"', '"<7f>"', '"ß€😀"'],
  ...['"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\u00e9\\uABCD"', '"\\ud800"', '"\\udc00\\ud800x"'],
  ...["[]", "[ ]", "[1]", '[1,[2,{}],""]', "{}", "{ }", '{"":0}', '{"a":{"a":[]},"b":null}'],
  ...[" \t\r\n1 \t\r\n", " [ 1 , 2 ] ", '{ "a" : 1 , "b" : 2 }', '"<ef><bb><bf>"'],
  ...['"<c2><80><df><bf>"', '"<e0><a0><80><ed><9f><bf><ee><80><80><ef><bf><bf>"'],
  ...['"<f0><90><80><80><f4><8f><bf><bf>"', '"\u2028\u2029"', '{"__proto__":1}', '["a\\u0000"]'],
];

const badTexts: readonly string[] = [
  ...["", " ", "nul", "nulL", "nullx", "True", "tru e", "falsefalse", "undefined", "NaN"],
  ...["Infinity", "-Infinity", "-", "+1", "01", "-01", "00", ".5", "1.", "1.e1", "1e", "1e+"],
  ...["1e1.5", "0x10", "1_000", "1n", "- 1", "1 2", "1,", ",1", '"', '"a', '"\\"', '"\\', "'a'"],
  ...['"\\x41"', '"\\u12"', '"\\u12g4"', '"\\U0041"', '"\\u+041"', '"a\nb"', '"\t"', '"<00>"'],
  ...['"<1f>"', "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1}", "[1,,2]", "{", "}", "{]"],
  ...['{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', '{"a" 1}', '{"a":}', "{a:1}", "{1:1}"],
  ...['{"a":1 "b":2}', '{,"a":1}', '{"a":1}}', '{"a"::1}', "{null:1}", "[]]", "// x\n1", "/**/1"],
  ...["1 // x", "<ef><bb><bf>1", "\u00a01", "\f1", "\v1", "\u20281", "1<00>", "<ff>", "é"],
  ...['"<80>"', '"<bf>x"', '"<c0><80>"', '"<c1><bf>"', '"<c3>"', '"<c3>', '"<c3><28>"'],
  ...['"<e0><80><80>"', '"<e0><9f><bf>"', '"<e2><82>"', '"<e2><28><a1>"', '"<ed><a0><80>"'],
  ...['"<ed><bf><bf>"', '"<f0><8f><bf><bf>"', '"<f0><9f><98>"', '"<f4><90><80><80>"'],
  ...['"<f5><80><80><80>"', '"<f8><88><80><80><80>"', '"<fe>"', '"<ff>"', '"<f0><9f><28><80>"'],
];

describe("JSON", () => {
  it("is what the runtime's parser takes for it", () => {
    assert.ok(goodTexts.length >= 30 && badTexts.length >= 40);
    for (const text of goodTexts) {
      assert.equal(jsonRefusal(rawBytes(text)), undefined, text);
      assert.ok(isParsed(rawBytes(text)), text);
    }
    for (const text of badTexts) {
      const refusal = jsonRefusal(rawBytes(text));
      assert.match(refusal ?? "", /^not JSON: at byte \d+ .* where .+ belongs$/, text);
      assert.ok(!isParsed(rawBytes(text)), text);
    }
  });

  it("is still that when bytes are changed at random, and nothing throws", () => {
    const prng = new Prng(7396 + ownHalf);
    let goodCount = 0;
    for (let round = 0; round < 10_000; round++) {
      const bytes = mutated(utf8(randomText(prng, 3)), prng);
      const refusal = jsonRefusal(bytes);
      // An ambiguous text may have other faults behind.
      if (refusal?.startsWith("ambiguous: ")) continue;
      assert.equal(refusal === undefined, isParsed(bytes), `round ${round}: ${lossyText(bytes)}`);
      if (refusal === undefined) goodCount++;
      assert.equal(applyMergePatch(bytes, bytes).ok, refusal === undefined);
    }
    assert.ok(goodCount > 500 && goodCount < 9_500, `${goodCount} of them are JSON`);
  });

  it("is never found in random bytes by way of an exception", () => {
    const prng = new Prng(8259 + ownHalf);
    for (let round = 0; round < 2_500; round++) {
      const bytes = Uint8Array.from({ length: prng.below(40) }, () => prng.below(256));
      const result = applyMergePatch(bytes, bytes);
      assert.equal(result.ok, isParsed(bytes), `round ${round}`);
    }
  });
});

describe("a merge patch beside a naive one", () => {
  it("gives the same document", () => {
    const prng = new Prng(1 + ownHalf);
    for (let round = 0; round < 5_000; round++) {
      const document = randomText(prng, 4);
      const patch = randomText(prng, 4);
      const expected = naiveMerge(parsed(document), parsed(patch));
      const actual = parsed(merged(document, patch));
      assert.deepEqual(actual, expected, `${document} with ${patch}`);
      // Both put names that look like array indexes first, so the order can be compared too.
      assert.equal(JSON.stringify(actual), JSON.stringify(expected));
    }
  });
});

/**
 * Names are spelled plainly before the runtime sees them: V8's parser (of Deno 2.9) takes an
 * escaped name for a lone backslash where it has met an object with that name before.
 */
function parsed(text: string): unknown {
  const respelled = (sofar: string, [plain, ...others]: readonly string[]): string =>
    others.reduce((part, other) => part.replaceAll(other, plain ?? other), sofar);
  return JSON.parse(names.reduce(respelled, text));
}

function naiveMerge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = naiveMerge(result[name], value);
  }
  return result;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** JSON at most `depth` deep, more often an object than not, with white space here and there. */
function randomText(prng: Prng, depth: number): string {
  const space = (): string => prng.chance(1, 8) ? pick([" ", "\n", "\t ", "\r\n"], prng) : "";
  const kind = depth === 0 ? 2 : prng.below(7);
  if (kind > 2) {
    const chosen = names.filter(() => prng.chance(1, 2));
    const members = chosen.map((spellings) =>
      `${space()}${pick(spellings, prng)}${space()}:${randomText(prng, depth - 1)}`
    );
    return `${space()}{${space()}${members.join(",")}}${space()}`;
  }
  if (kind === 2) return space() + pick(scalars, prng) + space();
  const elements = Array.from({ length: prng.below(3) }, () => randomText(prng, depth - 1));
  return `${space()}[${elements.join(",")}${space()}]`;
}

const names: readonly (readonly string[])[] = [
  ['"a"', String.raw`"\u0061"`],
  ['"b"'],
  ['"é"', String.raw`"\u00E9"`],
  ['"😀"', String.raw`"\ud83d\uDE00"`],
  ['"1"', String.raw`"\u0031"`],
  ['""'],
  ['"c/"', String.raw`"\u0063\/"`, String.raw`"c\u002f"`],
];

const scalars: readonly string[] = [
  ...["null", "null", "null", "true", "false", "0", "-1.50", "1e3", "2E-2", '""', '"x"'],
  ...['"\\ud800"', '"€\\t"', "{}", "[]"],
];

function pick(from: readonly string[], prng: Prng): string {
  return from[prng.below(from.length)] ?? "";
}

/** `bytes` with up to three bytes changed, removed or doubled. */
function mutated(bytes: Uint8Array, prng: Prng): Uint8Array {
  const result = [...bytes];
  const likely = utf8('{}[]:,"\\u01eE+-. \n\té');
  for (let changes = prng.below(4); changes > 0; changes--) {
    const at = prng.below(result.length + 1);
    const byte = prng.chance(1, 4) ? prng.below(256) : likely[prng.below(likely.length)] ?? 0;
    const how = prng.below(4);
    if (how === 0) result.splice(at, 1);
    else if (how === 1) result.splice(at, 1, byte);
    else if (how === 2) result.splice(at, 0, byte);
    else result.splice(at, 0, ...result.slice(at, at + prng.below(6)));
  }
  return Uint8Array.from(result);
}

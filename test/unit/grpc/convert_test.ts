import { codec, type Wire } from "../../../src/grpc/codec.ts";
import { fromEnvelope, termLead, toEnvelope } from "../../../src/grpc/convert.ts";
import { toConfiguration } from "../../../src/grpc/convert_parts.ts";
import { fromHello, toHello } from "../../../src/grpc/convert_hello.ts";
import { type FaultKind, WireRefusal } from "../../../src/grpc/refusal.ts";
import { utf8 } from "../../../src/lib/bytes.ts";
import { Prng } from "../../../src/lib/prng.ts";
import { makeEntry } from "../../../src/raft/encoding.ts";
import type { Envelope, Message } from "../../../src/raft/message.ts";
import { otherMessages, sampleHello, sampleMessages } from "../../harness/messages.ts";
import { heartbeat as beat } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

type WireEnvelope = Wire["skein.raft.v1.Envelope"];

const envelopes = codec("skein.raft.v1.Envelope");

/** As it arrives: what has been through bytes also says which member of a oneof is set. */
function wire(message: Message, more: Partial<Omit<Envelope, "message">> = {}): WireEnvelope {
  const head = { from: 1, to: 2, fromEpoch: 0, toEpoch: 0, term: 5 };
  return envelopes.decode(envelopes.encode(fromEnvelope({ ...head, ...more, message })));
}

function refuses(kind: FaultKind, detail: RegExp, run: () => unknown): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof WireRefusal, String(error));
    assert.equal(error.kind, kind);
    assert.match(error.message, detail);
    return true;
  });
}

const heartbeat = beat(1, 0);

function entry(index: number, term = 5) {
  return makeEntry({ index, term, kind: "command", timeMs: 0, data: utf8("x") });
}

function append(prevLog: { index: number; term: number }, ...entries: ReturnType<typeof entry>[]) {
  return wire({ kind: "appendEntries", prevLog, entries, leaderCommit: 0, attempt: 1 });
}

describe("toEnvelope refuses", () => {
  it("numbers above 2^53 - 1, wherever they stand", () => {
    const big = 2 ** 53;
    const cases: readonly WireEnvelope[] = [
      wire(heartbeat, { term: big }),
      wire(heartbeat, { fromEpoch: big }),
      wire(heartbeat, { toEpoch: big }),
      wire(beat(big, 0)),
      wire(beat(0, big)),
      wire(beat(0, 0, `${big}@1`)),
      wire({ kind: "heartbeatReply", round: 1, verifiedIndex: big, appliedIndex: 0 }),
      wire({ kind: "readIndexReply", id: { node: 1, nonce: big, counter: 1 }, index: 1 }),
      wire({ kind: "preVote", lastLog: { index: big, term: 1 } }),
    ];
    for (const each of cases) refuses("number", /2\^53 - 1/, () => toEnvelope(each, 5));
  });

  it("node ids outside 1 … 2^32 - 1", () => {
    refuses("number", /from is 0/, () => toEnvelope(wire(heartbeat, { from: 0 }), 5));
    refuses("number", /to is 0/, () => toEnvelope(wire(heartbeat, { to: 0 }), 5));
  });

  it("a term more than 2^32 above the own, but not one that is just so far", () => {
    const far = (term: number) => () => toEnvelope(wire(heartbeat, { term }), 5);
    assert.equal(far(5 + termLead)().term, 5 + termLead);
    refuses("term", /more than 2\^32 above/, far(6 + termLead));
  });

  it("such a term inside a message", () => {
    const term = 6 + termLead;
    const messages: readonly Message[] = [
      { kind: "requestVote", lastLog: { index: 1, term }, transfer: false },
      { kind: "preVoteReply", requestedTerm: term, voteGranted: true },
      { kind: "requestVoteReply", voteGranted: false, notMember: { index: 1, term } },
      { kind: "installSnapshotReply", position: { index: 1, term }, nextOffset: 0 },
      {
        kind: "appendEntriesReply",
        result: { kind: "matched", position: { index: 1, term } },
        needsSnapshot: false,
        attempt: 1,
      },
    ];
    for (const each of messages) refuses("term", /term inside/, () => toEnvelope(wire(each), 5));
  });

  it("entries with gaps, repeats, falling terms, or of a term above the sender's", () => {
    const prev = { index: 3, term: 5 };
    refuses("order", /entry 5 follows 3/, () => toEnvelope(append(prev, entry(5)), 5));
    refuses("order", /entry 4 follows 4/, () => toEnvelope(append(prev, entry(4), entry(4)), 5));
    refuses("order", /term 4 follows 5/, () => toEnvelope(append(prev, entry(4, 4)), 5));
    refuses("term", /entry of term 6/, () => toEnvelope(append(prev, entry(4, 6)), 5));
    assert.equal(toEnvelope(append(prev, entry(4), entry(5)), 5).term, 5);
  });

  it("a heartbeat that claims a position of a term above its own", () => {
    refuses("term", /match of term 6/, () => toEnvelope(wire(beat(1, 0, "3@6")), 5));
    assert.deepEqual(toEnvelope(wire(beat(1, 0, "3@5")), 5).message, beat(1, 0, "3@5"));
  });

  it("an entry whose bytes have changed since its checksum was made", () => {
    const broken = { ...entry(4), data: utf8("y") };
    const message = append({ index: 3, term: 5 }, broken);
    refuses("checksum", /entry 4 has a wrong CRC/, () => toEnvelope(message, 5));
  });

  it("a configuration entry that holds none", () => {
    const data = utf8("no configuration");
    const bad = makeEntry({ index: 4, term: 5, kind: "configuration", timeMs: 0, data });
    const message = append({ index: 3, term: 5 }, bad);
    refuses("malformed", /configuration entry 4/, () => toEnvelope(message, 5));
  });

  it("a chunk with a wrong checksum", () => {
    const install = sampleMessages.find(({ kind }) => kind === "installSnapshot");
    assert.ok(install?.kind === "installSnapshot");
    const message = wire({ ...install, crc32c: install.crc32c + 1 });
    refuses("checksum", /chunk/, () => toEnvelope(message, 5));
  });

  it("an envelope without a message, or with one from the future", () => {
    const empty = { from: 1, to: 2, fromEpoch: 0, toEpoch: 0, term: 5 };
    refuses("malformed", /no message/, () => toEnvelope(empty, 5));
    // Field 99, length-delimited, empty.
    const unknown = Buffer.concat([envelopes.encode(empty), Buffer.from("9a0600", "hex")]);
    refuses("malformed", /no message/, () => toEnvelope(envelopes.decode(unknown), 5));
  });

  it("a message that lacks a part", () => {
    // Field 12, a RequestVote without anything in it.
    const bytes = Buffer.from("08011002280562" + "00", "hex");
    refuses("malformed", /last_log is missing/, () => toEnvelope(envelopes.decode(bytes), 5));
  });
});

describe("toConfiguration and toHello refuse", () => {
  const incarnation = "00112233445566aa";
  const member = (id: number) => ({ id, incarnation, suffrage: 0 });

  it("members out of order, twice, or above node_id_max", () => {
    const make = (ids: readonly number[], nodeIdMax: number) => () =>
      toConfiguration({ members: ids.map(member), nodeIdMax });
    refuses("order", /ascending/, make([2, 1], 2));
    refuses("order", /ascending/, make([1, 1], 2));
    refuses("number", /below member 3/, make([1, 3], 2));
    refuses("number", /node_id_max is 0/, make([], 0));
  });

  it("a suffrage and an incarnation that are none", () => {
    const base = { members: [{ ...member(1), suffrage: 7 }], nodeIdMax: 1 };
    refuses("malformed", /suffrage/, () => toConfiguration(base));
    const bad = { members: [{ ...member(1), incarnation: "XYZ" }], nodeIdMax: 1 };
    refuses("malformed", /incarnation/, () => toConfiguration(bad));
  });

  it("a Hello without cluster, sender or addresses", () => {
    const good = fromHello(sampleHello);
    refuses("malformed", /cluster_id/, () => toHello({ ...good, clusterId: "" }));
    refuses("number", /hello.from/, () => toHello({ ...good, from: 0 }));
    refuses("malformed", /addresses/, () => toHello({ ...good, addresses: null }));
    refuses("number", /nonce/, () => toHello({ ...good, nonce: 2 ** 60 }));
    refuses("order", /bootstrap_ids/, () => toHello({ ...good, bootstrapIds: [2, 1] }));
  });
});

describe("the conversion of arbitrary bytes", () => {
  const frames = codec("skein.raft.v1.Frame");

  /** Whatever comes out is an envelope or one of our two errors. */
  function survives(bytes: Uint8Array): "taken" | "refused" {
    try {
      const frame = frames.decode(bytes);
      if (frame.hello !== null && frame.hello !== undefined) toHello(frame.hello);
      for (const each of frame.envelopes) toEnvelope(each, 5);
      return "taken";
    } catch (error) {
      const name = error instanceof Error ? error.name : "";
      assert.ok(["WireRefusal", "MalformedMessageError"].includes(name), String(error));
      return "refused";
    }
  }

  const samples = [...sampleMessages, ...otherMessages].map((message) =>
    frames.encode({ envelopes: [wire(message)] })
  );

  it("survives random bytes", () => {
    const prng = new Prng(1);
    for (let run = 0; run < 3_000; run++) {
      survives(Uint8Array.from({ length: prng.below(200) }, () => prng.below(256)));
    }
  });

  it("survives every truncation of every message", () => {
    let refused = 0;
    for (const sample of samples) {
      for (let cut = 0; cut < sample.length; cut++) {
        if (survives(sample.subarray(0, cut)) === "refused") refused += 1;
      }
    }
    assert.ok(refused > 100);
  });

  it("survives turned bits", () => {
    const prng = new Prng(2);
    for (const sample of samples) {
      for (let run = 0; run < 300; run++) {
        const turned = Uint8Array.from(sample);
        turned[prng.below(turned.length)]! ^= 1 << prng.below(8);
        survives(turned);
      }
    }
  });

  it("takes the messages themselves", () => {
    for (const sample of samples) assert.equal(survives(sample), "taken");
  });
});

describe("fromEnvelope and toEnvelope", () => {
  it("are inverse for the largest numbers", () => {
    const safeMax = Number.MAX_SAFE_INTEGER;
    const envelope: Envelope = {
      from: 0xffff_ffff,
      to: 0xffff_ffff,
      fromEpoch: safeMax,
      toEpoch: safeMax,
      term: safeMax,
      message: { kind: "preVote", lastLog: { index: safeMax, term: safeMax } },
    };
    const wires = codec("skein.raft.v1.Envelope");
    const decoded = wires.decode(wires.encode(fromEnvelope(envelope)));
    assert.deepEqual(toEnvelope(decoded, safeMax), envelope);
  });
});

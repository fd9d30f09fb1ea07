/**
 * The bytes of the peer protocol, message by message, as testdata/raft_v1.txt holds them: nodes of
 * different versions meet on one stream, so none of them may change.
 */

import { readFileSync } from "node:fs";
import { ServiceError } from "../../../src/service/errors.ts";
import type { HelloAnswer } from "../../../src/node/ports.ts";
import type { Envelope, Message } from "../../../src/raft/message.ts";
import type { ForwardAnswer, ForwardRequest } from "../../../src/service/forwarder.ts";
import { codec } from "../../../src/grpc/codec.ts";
import { fromEnvelope, toEnvelope } from "../../../src/grpc/convert.ts";
import {
  fromForwardAnswer,
  fromForwardRequest,
  fromServiceError,
  toForwardOutcome,
  toForwardRequest,
} from "../../../src/grpc/convert_forward.ts";
import {
  fromHello,
  fromHelloAnswer,
  toHello,
  toHelloAnswer,
} from "../../../src/grpc/convert_hello.ts";
import { hex, utf8 } from "../../../src/lib/bytes.ts";
import type { MembershipChange, MembershipRequest } from "../../../src/service/contract.ts";
import { FakeClusterService, fakeMember } from "../../harness/fake_services.ts";
import {
  otherMessages,
  sampleConfiguration,
  sampleHello,
  sampleMessages,
} from "../../harness/messages.ts";
import { plain } from "../../harness/plain.ts";
import { assert, describe, it } from "../../harness/test.ts";

const fixtures = new Map(
  readFileSync(new URL("./testdata/raft_v1.txt", import.meta.url), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [name, bytes] = line.split(" ");
      return [name ?? "", Buffer.from(bytes ?? "", "hex")] as const;
    }),
);

/** Encoding gives the fixture's bytes; decoding them gives the value. */
function check(options: {
  readonly name: string;
  readonly value: unknown;
  readonly encode: () => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}): void {
  const fixture = fixtures.get(options.name);
  assert.ok(fixture, `${options.name} ${hex(options.encode())}`);
  assert.equal(hex(options.encode()), hex(fixture));
  assert.deepEqual(plain(options.decode(fixture)), plain(options.value));
}

const refuser = { id: 3, incarnation: "00112233445566aa" };
const frames = codec("skein.raft.v1.Frame");

function checkMessage(name: string, message: Message): void {
  const envelope: Envelope = { from: 1, to: 2, fromEpoch: 3, toEpoch: 4, term: 5, message };
  check({
    name,
    value: envelope,
    encode: () => frames.encode({ envelopes: [fromEnvelope(envelope)] }),
    decode: (bytes) => frames.decode(bytes).envelopes.map((wire) => toEnvelope(wire, 5))[0],
  });
}

describe("skein.raft.v1 fixtures", () => {
  for (const message of sampleMessages) {
    it(`Envelope with ${message.kind}`, () => checkMessage(message.kind, message));
  }
  otherMessages.forEach((message, number) => {
    const name = `${message.kind}.${number}`;
    it(`Envelope with ${name}`, () => checkMessage(name, message));
  });

  it("Hello", () => {
    const hello = codec("skein.raft.v1.Hello");
    const told = { ...sampleHello, electionTimeoutMinMs: 1_000 };
    for (const [name, value] of [["hello", sampleHello], ["hello.1", told]] as const) {
      check({
        name,
        value,
        encode: () => hello.encode(fromHello(value)),
        decode: (bytes) => toHello(hello.decode(bytes)),
      });
    }
  });

  it("Frame with Hello, and with its answer", () => {
    const refusal: HelloAnswer = {
      kind: "refused",
      reason: "no",
      final: false,
      removed: false,
      by: refuser,
    };
    check({
      name: "frameHello",
      value: sampleHello,
      encode: () => frames.encode({ hello: fromHello(sampleHello), envelopes: [] }),
      decode: (bytes) => toHello(frames.decode(bytes).hello!),
    });
    check({
      name: "frameHelloAnswer",
      value: refusal,
      encode: () => frames.encode({ helloAnswer: fromHelloAnswer(refusal), envelopes: [] }),
      decode: (bytes) => toHelloAnswer(frames.decode(bytes).helloAnswer!),
    });
  });

  const answers: Readonly<Record<string, HelloAnswer>> = {
    helloAccepted: { kind: "accepted", hello: sampleHello, cluster: sampleConfiguration },
    helloAcceptedUnborn: { kind: "accepted", hello: sampleHello },
    helloRefused: {
      kind: "refused",
      reason: "Node 2 lives elsewhere",
      final: true,
      removed: false,
      by: refuser,
    },
    helloRefusedRemoved: {
      kind: "refused",
      reason: "Node 2 was removed",
      final: true,
      removed: true,
      by: refuser,
    },
  };
  for (const [name, answer] of Object.entries(answers)) {
    it(`HelloAnswer ${name}`, () => {
      const wire = codec("skein.raft.v1.HelloAnswer");
      check({
        name,
        value: answer,
        encode: () => wire.encode(fromHelloAnswer(answer)),
        decode: (bytes) => toHelloAnswer(wire.decode(bytes)),
      });
    });
  }
});

describe("skein.raft.v1 forwarding fixtures", () => {
  const head = { clusterId: "prod-cluster", from: 2, requestId: "r-1", timeoutMs: 5_000 };
  const requestHash = new Uint8Array(32).fill(7);
  const idempotency = { identity: "", key: "abc;1", requestHash };
  const operation = utf8("an operation");
  const addresses = { rpc: "node4:9081", http: "http://node4:8081" };
  const offered = { addresses };
  const known = {
    ...{ id: 4, incarnation: "00112233445566aa" },
    addresses: { ...addresses, clientRpc: "node4:9090" },
  };
  const changing = (change: MembershipChange, more: Partial<MembershipRequest> = {}) => {
    const request: MembershipRequest = { change, dryRun: false, ...more };
    return { kind: "changeMembers", request, again: false } as const;
  };
  const requests: Readonly<Record<string, ForwardRequest>> = {
    forwardWrite: { ...head, body: { kind: "write", operation, idempotency } },
    forwardPlainWrite: { ...head, body: { kind: "write", operation } },
    forwardView: { ...head, body: { kind: "view" } },
    forwardTransfer: { ...head, body: { kind: "transferLeadership", target: 3 } },
    forwardStateHashes: { ...head, body: { kind: "stateHashes" } },
    forwardAddition: {
      ...head,
      body: changing({ kind: "add", member: known, suffrage: "learner" }),
    },
    forwardOffer: {
      ...head,
      body: changing({ kind: "add", member: offered, suffrage: "readOnly" }, { dryRun: true }),
    },
    forwardSuffrage: {
      ...head,
      body: changing({ kind: "setSuffrage", id: 4, suffrage: "voter" }, { expected: [17, 18] }),
    },
    forwardReplacement: { ...head, body: changing({ kind: "replace", id: 3, by: offered }) },
    forwardRemoval: { ...head, body: { ...changing({ kind: "remove", id: 3 }), again: true } },
  };
  for (const [name, request] of Object.entries(requests)) {
    it(`ForwardRequest ${name}`, () => {
      const wire = codec("skein.raft.v1.ForwardRequest");
      check({
        name,
        value: request,
        encode: () => wire.encode(fromForwardRequest(request)),
        decode: (bytes) => toForwardRequest(wire.decode(bytes)),
      });
    });
  }

  const responses = codec("skein.raft.v1.ForwardResponse");
  const header = { revision: 42, servedBy: 1, leader: 1, clusterId: "prod-cluster" };
  const answers: Readonly<Record<string, ForwardAnswer>> = {
    forwardWritten: { kind: "written", result: utf8("a result"), header },
    forwardedView: {
      kind: "view",
      view: { ...new FakeClusterService().view(), dataVersion: undefined },
    },
    forwardedPending: {
      kind: "view",
      view: {
        ...new FakeClusterService().view(),
        configuration: {
          ...{ index: 1, joint: false },
          pending: { index: 13, joint: true, voters: [1, 4] },
        },
      },
    },
    forwardTransferred: { kind: "transferred", leader: 3 },
    forwardedStateHashes: {
      kind: "stateHashes",
      hashes: [{ position: { index: 1_024, term: 3 }, hash: { a: 1, b: 0xffff_ffff } }],
    },
    forwardMembersChanged: {
      kind: "membersChanged",
      changed: {
        ...{ id: 4, added: true, members: [fakeMember(1), fakeMember(4)] },
        ...{ configuration: { index: 18, joint: false }, quorum: 2, voters: 3, healthyVoters: 2 },
      },
    },
  };
  for (const [name, answer] of Object.entries(answers)) {
    it(`ForwardResponse ${name}`, () =>
      check({
        name,
        value: { kind: "answered", answer },
        encode: () => responses.encode(fromForwardAnswer(answer)),
        decode: (bytes) => toForwardOutcome(responses.decode(bytes)),
      }));
  }

  it("ForwardResponse with a failure", () => {
    const error = new ServiceError("leader_changed", "Node 1 does not lead", {
      outcome: "not_applied",
      retryable: true,
      retryAfterMs: 250,
      issues: [{ path: "a", message: "b" }],
      extra: { leader: 3 },
    });
    check({
      name: "forwardFailure",
      value: { kind: "failed", error: { ...error, message: error.message } },
      encode: () => responses.encode(fromServiceError(error)),
      decode: (bytes) => {
        const outcome = toForwardOutcome(responses.decode(bytes));
        if (outcome.kind !== "failed") return outcome;
        return { kind: "failed", error: { ...outcome.error, message: outcome.error.message } };
      },
    });
  });
});

import { defaultPeerTiming, peerChannelOptions } from "../../../src/grpc/peer_connection.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("the timing of connections between peers", () => {
  it("reaches the library", () => {
    const options = peerChannelOptions({
      keepaliveIntervalMs: 1,
      keepaliveTimeoutMs: 2,
      reconnectBackoffMinMs: 3,
      reconnectBackoffMaxMs: 4,
    });
    assert.equal(options["grpc.keepalive_time_ms"], 1);
    assert.equal(options["grpc.keepalive_timeout_ms"], 2);
    assert.equal(options["grpc.initial_reconnect_backoff_ms"], 3);
    assert.equal(options["grpc.max_reconnect_backoff_ms"], 4);
  });

  it("is by default what the configuration says by default", () => {
    const { network, retry } = loadConfig({}).config;
    assert.deepEqual(defaultPeerTiming, {
      keepaliveIntervalMs: network.keepaliveIntervalMs,
      keepaliveTimeoutMs: network.keepaliveTimeoutMs,
      reconnectBackoffMinMs: retry.reconnectBackoffMinMs,
      reconnectBackoffMaxMs: retry.reconnectBackoffMaxMs,
    });
  });
});

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ConfigSources, loadConfig, type LoadedConfig } from "../../../src/config/load.ts";
import { ConfigError } from "../../../src/config/problem.ts";
import { keys } from "../../../src/config/schema.ts";
import { formatOrigin } from "../../../src/config/yaml_file.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { after, assert, describe, it } from "../../harness/test.ts";

const folder = makeTempDir("config");
after(() => folder.remove());

const file = join(folder.path, "skein.yaml");

function load(yaml: string, more: Omit<ConfigSources, "file"> = {}): LoadedConfig {
  writeFileSync(file, yaml);
  return loadConfig({ file, ...more });
}

/** The lines that a person would see, the file's path shortened. */
function complaints(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(file, "F").split("\n");
    throw error;
  }
  return [];
}

function originOf(loaded: LoadedConfig, path: string): string {
  const setting = loaded.settings.find(({ key }) => key.path === path);
  assert.ok(setting, path);
  return formatOrigin(setting.origin).replace(file, "F");
}

describe("loading the configuration", () => {
  it("has a default for every key that is not optional", () => {
    const { config, settings } = loadConfig({});
    assert.equal(config.nodeId, 1);
    assert.deepEqual(config.httpAddr, { host: "127.0.0.1", port: 7400 });
    assert.deepEqual(config.rpcAddr, { host: "127.0.0.1", port: 7401 });
    assert.equal(config.raft.electionTimeoutMinMs, 1000);
    assert.equal(config.raft.electionTimeoutMaxMs, 2000);
    assert.equal(config.raft.heartbeatIntervalMs, 100);
    assert.equal(config.limits.valueBytesMax, 8 * 1024 * 1024);
    assert.equal(config.limits.requestBytesMax, 16 * 1024 * 1024);
    assert.deepEqual(config.peers, []);
    assert.equal(settings.length, keys.size);
    const unset = settings.filter(({ value }) => value === undefined).map(({ key }) => key.path);
    assert.deepEqual(unset, [
      "rpc_advertise_addr",
      "client_rpc_addr",
      "client_rpc_advertise_addr",
      "http_advertise_addr",
    ]);
  });

  it("reads the smallest cluster file", () => {
    const { config } = load(`
cluster_id: "prod-cluster"
node_id: 1
rpc_addr: "0.0.0.0:9081"
rpc_advertise_addr: "node1:9081"
http_addr: "0.0.0.0:8081"
http_advertise_addr: "node1:8081"
data_dir: ./data
peers:
  - { id: 2, addr: "node2:9082" }
  - { id: 3, addr: "node3:9083" }
security:
  insecure_allow_non_loopback: true
`);
    assert.equal(config.clusterId, "prod-cluster");
    assert.deepEqual(config.rpcAddr, { host: "0.0.0.0", port: 9081 });
    assert.equal(config.rpcAdvertiseAddr, "node1:9081");
    assert.equal(config.httpAdvertiseAddr, "node1:8081");
    assert.equal(config.dataDir, "./data");
    assert.deepEqual(config.peers, [{ id: 2, addr: "node2:9082" }, { id: 3, addr: "node3:9083" }]);
  });

  it("does not take an unknown key of a section for the section", () => {
    assert.deepEqual(complaints(() => load("security:\n  tls: true\n")), [
      "F:2: security.tls is not a known key; skein config print lists all",
    ]);
    assert.deepEqual(complaints(() => load("securty:\n  tls: true\n")), [
      "F:1: securty is not a known key; did you mean security?",
    ]);
  });

  it("names the aliases of YAML, which it does not follow", () => {
    assert.deepEqual(complaints(() => load('http_addr: &a "b:1"\nrpc_addr: *a\nraft: *b\n')), [
      "F:2: *a is an alias; allowed is the value itself",
      "F:3: *b is an alias; allowed is the value itself",
    ]);
    assert.deepEqual(complaints(() => load("peers: &p [*p]\n")), [
      "F:1: *p is an alias; allowed is the value itself",
    ]);
  });

  for (const empty of ["", "\n", "# nothing\n", "---\n", "raft:\n"]) {
    it(`takes ${JSON.stringify(empty)} for a file that sets nothing`, () => {
      assert.deepEqual(load(empty).config, loadConfig({}).config);
    });
  }

  it("lets the file win over defaults, the environment over the file, a flag over all", () => {
    const sources: Omit<ConfigSources, "file"> = {
      environment: { SKEIN_NODE_ID: "7", SKEIN_DATA_DIR: "/env" },
      flags: [{ flag: "--data-dir", path: "data_dir", text: "/flag" }],
    };
    const loaded = load("# one\nnode_id: 5\ncluster_id: c\ndata_dir: /file\n", sources);
    assert.equal(loaded.config.clusterId, "c");
    assert.equal(loaded.config.nodeId, 7);
    assert.equal(loaded.config.dataDir, "/flag");
    assert.equal(originOf(loaded, "cluster_id"), "F:3");
    assert.equal(originOf(loaded, "node_id"), "SKEIN_NODE_ID");
    assert.equal(originOf(loaded, "data_dir"), "--data-dir");
    assert.equal(originOf(loaded, "http_addr"), "default");
  });

  it("reports every problem at once, each with place, value and what is allowed", () => {
    const yaml = `
cluster_id: a b
node_id: 0
peers:
  - { id: 2, addr: "x" }
  - { id: 3, adr: "n:1" }
  - 4
election_timeout_min_ms: 3
raft:
  heartbeet_interval_ms: 5
  election_timeout_min_ms: fast
storage: 5
limits:
  value_bytes_max: 8388609
http_addr: null
monitoring:
  log_level: loud
security:
  insecure_allow_non_loopback: yes
`;
    assert.deepEqual(complaints(() => load(yaml)), [
      "F:8: election_timeout_min_ms is not a known key; did you mean raft.election_timeout_min_ms?",
      "F:10: raft.heartbeet_interval_ms is not a known key; did you mean " +
      "raft.heartbeat_interval_ms?",
      "F:12: storage is 5; allowed is a mapping of keys",
      'F:2: cluster_id is "a b"; allowed is 1 to 64 letters, digits, dots, underscores and ' +
      "hyphens, a letter or digit first",
      "F:3: node_id is 0; allowed is an integer from 1 to 4294967295, or hostname",
      "F:15: http_addr is null; allowed is host:port, an IPv6 host in brackets",
      'F:4: peers[0].addr is "x"; allowed is host:port, an IPv6 host in brackets, the port not 0',
      "F:4: peers[1].addr is missing; allowed is host:port, an IPv6 host in brackets, the port " +
      "not 0",
      "F:4: peers[1] has the unknown member adr; allowed is a mapping of id and addr",
      "F:4: peers[2] is 4; allowed is a mapping of id and addr",
      'F:11: raft.election_timeout_min_ms is "fast"; allowed is an integer from 50 to 60000',
      'F:19: security.insecure_allow_non_loopback is "yes"; allowed is true or false',
      "F:14: limits.value_bytes_max is 8388609; allowed is an integer from 1 to 8388608",
      'F:17: monitoring.log_level is "loud"; allowed is one of debug, info, warn, error',
    ]);
  });

  it("names what no key resembles without guessing", () => {
    assert.deepEqual(complaints(() => load("frobnicate: 1")), [
      "F:1: frobnicate is not a known key; skein config print lists all",
    ]);
  });

  it("refuses what is no YAML mapping", () => {
    assert.deepEqual(complaints(() => load("- 1\n- 2\n")), [
      "F: The file must be a mapping of keys",
    ]);
    assert.deepEqual(complaints(() => load("node_id: 1\nnode_id: 2\n")), [
      "F:2: Map keys must be unique",
    ]);
    assert.equal(complaints(() => load("a: [1\n")).length > 0, true);
  });

  it("names a file that cannot be read", () => {
    const [line = ""] = complaints(() => loadConfig({ file: join(folder.path, "none.yaml") }));
    assert.match(line, /^Cannot read ".*none\.yaml": .*ENOENT/);
  });

  it("takes the node id from the end of the host's name", () => {
    const hosted = (hostname: string) =>
      loadConfig({ environment: { SKEIN_NODE_ID: "hostname" }, hostname });
    assert.equal(hosted("skein-12").config.nodeId, 12);
    assert.deepEqual(complaints(() => hosted("skein-0")), [
      'node_id is hostname, and the host\'s name "skein-0" does not end in an integer from 1 to ' +
      "4294967295",
    ]);
    assert.equal(complaints(() => hosted("skein")).length, 1);
  });
});

describe("the environment", () => {
  const load = (environment: Readonly<Record<string, string>>) =>
    loadConfig({ environment, otherVariables: ["SKEIN_ENDPOINTS"] });

  it("sets nested keys, numbers, booleans and lists", () => {
    const { config } = load({
      SKEIN_RAFT__ELECTION_TIMEOUT_MIN_MS: "700",
      SKEIN_SECURITY__INSECURE_ALLOW_NON_LOOPBACK: "true",
      SKEIN_PEERS: '[{"id":2,"addr":"b:1"}]',
      SKEIN_SECURITY__HTTP_HOSTS: '["kv.example"]',
      SKEIN_CLUSTER_ID: "123",
    });
    assert.equal(config.raft.electionTimeoutMinMs, 700);
    assert.equal(config.security.insecureAllowNonLoopback, true);
    assert.deepEqual(config.peers, [{ id: 2, addr: "b:1" }]);
    assert.deepEqual(config.security.httpHosts, ["kv.example"]);
    assert.equal(config.clusterId, "123");
  });

  it("takes URLs beside commas or as JSON, and as origins alone", () => {
    const joined = (text: string) => loadConfig({ environment: { SKEIN_JOIN: text } }).config.join;
    const both = ["http://localhost:7400", "http://[::1]:7400"];
    assert.deepEqual(joined("http://localhost:7400/, http://[::1]:7400"), both);
    assert.deepEqual(joined(JSON.stringify(both)), both);
    for (
      const text of ["n1:7400", "https://n1:7400", "http://localhost:7400/v1", "http://a@n1:7400"]
    ) {
      assert.deepEqual(complaints(() => joined(text)), [
        `SKEIN_JOIN: join[0] is ${JSON.stringify(text)}; allowed is http://host:port`,
      ]);
    }
  });

  it("tells which names were set, and which are only defaults", () => {
    assert.deepEqual(loadConfig({ environment: {} }).config.named, {});
    const environment = { SKEIN_CLUSTER_ID: "skein", SKEIN_NODE_ID: "1" };
    assert.deepEqual(loadConfig({ environment }).config.named, { clusterId: "skein", nodeId: 1 });
  });

  it("names the variable in what is wrong with its value", () => {
    assert.deepEqual(complaints(() => load({ SKEIN_PEERS: "[", SKEIN_NODE_ID: "1.5" })), [
      'SKEIN_NODE_ID: node_id is "1.5"; allowed is an integer from 1 to 4294967295, or hostname',
      'SKEIN_PEERS: peers is "["; allowed is a list of at most 100 entries, each a mapping of id ' +
      "and addr",
    ]);
  });

  it("refuses a variable of ours that is no key", () => {
    assert.deepEqual(complaints(() => load({ SKEIN_NODEID: "1" })), [
      "environment: SKEIN_NODEID is not a known variable; did you mean SKEIN_NODE_ID?",
    ]);
    assert.equal(complaints(() => load({ SKEIN_RAFT__NOPE: "1" })).length, 1);
  });

  it("passes over empty ones, other programs', the command line's and Kubernetes'", () => {
    const { config } = load({
      SKEIN_NODE_ID: "",
      HOME: "/root",
      SKEIN_ENDPOINTS: "http://a:1",
      SKEIN_SERVICE_HOST: "10.0.0.1",
      SKEIN_SERVICE_PORT_HTTP: "80",
      SKEIN_PORT: "tcp://10.0.0.1:80",
      SKEIN_PORT_7400_TCP_ADDR: "10.0.0.1",
    });
    assert.equal(config.nodeId, 1);
  });
});

describe("combinations that make no sense", () => {
  const of = (environment: Readonly<Record<string, string>>) =>
    complaints(() => loadConfig({ environment }));
  const peer = { SKEIN_PEERS: '[{"id":2,"addr":"b:1"}]' };
  const open = { SKEIN_SECURITY__INSECURE_ALLOW_NON_LOOPBACK: "true" };

  it("refuses an election timeout close to the heartbeat, and an empty range of it", () => {
    const environment = {
      SKEIN_RAFT__ELECTION_TIMEOUT_MIN_MS: "299",
      SKEIN_RAFT__ELECTION_TIMEOUT_MAX_MS: "299",
    };
    assert.deepEqual(of(environment), [
      "SKEIN_RAFT__ELECTION_TIMEOUT_MIN_MS: raft.election_timeout_min_ms is 299; allowed is at " +
      "least three times raft.heartbeat_interval_ms, which is 100",
      "SKEIN_RAFT__ELECTION_TIMEOUT_MAX_MS: raft.election_timeout_max_ms is 299; allowed is more " +
      "than raft.election_timeout_min_ms, which is 299",
    ]);
  });

  it("refuses lease reads that no lease is left for", () => {
    const on = { SKEIN_RAFT__LEASE_READS: "true" };
    assert.deepEqual(of({ ...on }), []);
    assert.deepEqual(of({ SKEIN_RAFT__LEASE_MARGIN_MS: "700" }), [], "nobody reads by it");
    assert.deepEqual(of({ ...on, SKEIN_RAFT__LEASE_MARGIN_MS: "700" }), [
      "SKEIN_RAFT__LEASE_MARGIN_MS: raft.lease_margin_ms is 700, which leaves a lease of 200 ms " +
      "(raft.election_timeout_min_ms less the drift and this); allowed is what leaves more than " +
      "two heartbeats, 200 ms",
    ]);
  });

  it("refuses requests smaller than values, and a reserve above the low-water mark", () => {
    assert.equal(of({ SKEIN_LIMITS__REQUEST_BYTES_MAX: "8388607" }).length, 1);
    assert.equal(of({ SKEIN_LIMITS__GRPC_MESSAGE_BYTES_MAX: "8388607" }).length, 1);
    assert.equal(of({ SKEIN_STORAGE__SPACE_LOW_BYTES: "1" }).length, 1);
    assert.equal(of({ SKEIN_RETRY__RECONNECT_BACKOFF_MAX_MS: "49" }).length, 1);
  });

  it("refuses less memory for requests than the largest of them takes", () => {
    assert.deepEqual(of({ SKEIN_LIMITS__REQUESTS_MEMORY_BYTES_MAX: "16777215" }), [
      "SKEIN_LIMITS__REQUESTS_MEMORY_BYTES_MAX: limits.requests_memory_bytes_max is 16777215; " +
      "allowed is at least the larger of limits.request_bytes_max and " +
      "limits.grpc_message_bytes_max, which is 16777216",
    ]);
    assert.deepEqual(of({ SKEIN_LIMITS__REQUESTS_MEMORY_BYTES_MAX: "16777216" }), []);
  });

  it("refuses this node among its peers, and an id or an address twice", () => {
    const peers = '[{"id":1,"addr":"a:1"},{"id":2,"addr":"127.0.0.1:7401"},{"id":2,"addr":"b:1"},' +
      '{"id":3,"addr":"b:1"}]';
    assert.deepEqual(of({ SKEIN_PEERS: peers }), [
      "SKEIN_PEERS: peers[0].id is 1, which is this node's own node_id; peers lists the others",
      "SKEIN_PEERS: peers[1].addr is 127.0.0.1:7401, which another node of this list or this " +
      "node has",
      "SKEIN_PEERS: peers[2].id is 2, which stands there twice",
      "SKEIN_PEERS: peers[3].addr is b:1, which another node of this list or this node has",
    ]);
  });

  it("wants an advertised address where the bound one means nothing to peers", () => {
    const unspecified = { ...open, SKEIN_RPC_ADDR: "0.0.0.0:7401" };
    assert.deepEqual(of(unspecified), []);
    assert.deepEqual(of({ ...unspecified, ...peer }), [
      "rpc_addr is 0.0.0.0:7401, which names every interface: set rpc_advertise_addr to where " +
      "the peers reach this node",
    ]);
    assert.deepEqual(of({ ...unspecified, ...peer, SKEIN_RPC_ADVERTISE_ADDR: "n1:7401" }), []);
    assert.deepEqual(of({ ...peer, SKEIN_HTTP_ADDR: "127.0.0.1:0" }), [
      "http_addr is 127.0.0.1:0, which names no fixed port: set http_advertise_addr to where the " +
      "peers reach this node",
    ]);
  });

  it("wants addresses of a node that joins, and lets it say which port it was given", () => {
    const join = { SKEIN_JOIN: "http://localhost:7400" };
    assert.deepEqual(of({ ...join, SKEIN_RPC_ADDR: "127.0.0.1:0" }), []);
    assert.equal(of({ ...open, ...join, SKEIN_RPC_ADDR: "0.0.0.0:7401" }).length, 1);
  });

  it("refuses to join a cluster and to form one", () => {
    assert.deepEqual(of({ ...peer, SKEIN_JOIN: "http://localhost:7400" }), [
      "SKEIN_JOIN: join is set, and so is peers: a node joins a cluster that exists, or forms " +
      "one with its peers",
    ]);
  });

  it("refuses to give members up within a minute", () => {
    assert.deepEqual(of({ SKEIN_RAFT__REMOVE_DEAD_AFTER_MS: "59999" }), [
      "SKEIN_RAFT__REMOVE_DEAD_AFTER_MS: raft.remove_dead_after_ms is 59999; allowed is 0, which " +
      "removes nobody, or at least 60000",
    ]);
    assert.deepEqual(of({ SKEIN_RAFT__REMOVE_DEAD_AFTER_MS: "60000" }), []);
  });

  it("refuses two listeners on one port", () => {
    assert.deepEqual(of({ SKEIN_HTTP_ADDR: "127.0.0.1:7401" }), [
      "SKEIN_HTTP_ADDR: http_addr is 127.0.0.1:7401, where rpc_addr listens already",
    ]);
    assert.deepEqual(of({ SKEIN_HTTP_ADDR: "127.0.0.1:0", SKEIN_RPC_ADDR: "127.0.0.1:0" }), []);
    assert.equal(of({ SKEIN_CLIENT_RPC_ADVERTISE_ADDR: "a:1" }).length, 1);
  });

  for (const variable of ["SKEIN_HTTP_ADDR", "SKEIN_RPC_ADDR", "SKEIN_CLIENT_RPC_ADDR"]) {
    it(`opens ${variable} to other machines only when told so`, () => {
      for (const address of ["0.0.0.0:9000", "192.168.1.2:9000", "[::]:9000", "node1:9000"]) {
        const [line = "", ...more] = of({ [variable]: address });
        assert.match(line, /which other machines can reach.*security\.insecure_allow_non_loopback/);
        assert.deepEqual(more, []);
        assert.deepEqual(of({ [variable]: address, ...open }), []);
      }
      assert.deepEqual(of({ [variable]: "[::1]:9000" }), []);
    });
  }
});

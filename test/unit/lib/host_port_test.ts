import {
  formatHostPort,
  isLoopback,
  isOnLoopback,
  isUnspecified,
  parseHostPort,
} from "../../../src/lib/host_port.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("host:port", () => {
  for (
    const text of ["127.0.0.1:7400", "node1:0", "a.b-c_d.example:65535", "[::1]:80", "[fe80::1]:1"]
  ) {
    it(`reads ${text} and writes it back`, () => {
      const address = parseHostPort(text);
      assert.ok(address);
      assert.equal(formatHostPort(address), text);
    });
  }

  const wrong = [
    "",
    ":80",
    "a",
    "a:",
    "a:b",
    "a:65536",
    "a:-1",
    "::1:80",
    "[::1]",
    "[a]:80",
    "a b:1",
  ];
  for (const text of [...wrong, "http://a:80", "a:80/", "-a:80", "a:1:2", "a:100000"]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseHostPort(text), undefined));
  }

  it("knows the addresses of every interface", () => {
    for (const host of ["0.0.0.0", "::", "0:0:0:0:0:0:0:0", "0", "::0"]) {
      assert.ok(isUnspecified(host), host);
    }
    for (const host of ["127.0.0.1", "::1", "10.0.0.0", "node0", "fe80::"]) {
      assert.ok(!isUnspecified(host), host);
    }
  });

  it("knows the addresses that only this machine reaches", () => {
    const loopback = ["127.0.0.1", "127.255.0.9", "::1", "localhost", "LOCALHOST", "a.localhost"];
    for (const host of [...loopback, "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"]) {
      assert.ok(isLoopback(host), host);
    }
    const others = ["0.0.0.0", "::", "128.0.0.1", "localhost.example", "127.0.0.1.example", "::11"];
    for (const host of [...others, "1::1", "fe80::1", "10.0.0.1", "127.evil"]) {
      assert.ok(!isLoopback(host), host);
    }
  });

  it("knows places on them, with or without a scheme", () => {
    for (const place of ["127.0.0.1:0", "[::1]:80", "http://localhost", "http://[::1]:7400"]) {
      assert.ok(isOnLoopback(place), place);
    }
    for (const place of ["node1:80", "[fe80::1]:80", "http://node1", "https://10.0.0.1:1", ""]) {
      assert.ok(!isOnLoopback(place), place);
    }
  });
});

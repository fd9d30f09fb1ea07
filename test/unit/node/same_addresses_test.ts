import { sameAddresses } from "../../../src/node/peers.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("Addresses of a node", () => {
  it("are the same only when all of them are", () => {
    const whole = { rpc: "a", http: "b", clientRpc: "c" };
    assert.equal(sameAddresses(whole, { ...whole }), true);
    assert.equal(sameAddresses(undefined, undefined), true);
    for (const other of [{ rpc: "x" }, { http: "x" }, { clientRpc: "x" }]) {
      assert.equal(sameAddresses(whole, { ...whole, ...other }), false);
    }
    assert.equal(sameAddresses(whole, undefined), false);
    assert.equal(sameAddresses({ rpc: "a", http: "b" }, whole), false);
  });
});

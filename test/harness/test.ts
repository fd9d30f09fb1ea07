/**
 * The one import point for the test runner: node:test and node:assert run alike under Bun and
 * Deno.
 */

export { after, afterEach, before, beforeEach, describe, it } from "node:test";
export { strict as assert } from "node:assert";

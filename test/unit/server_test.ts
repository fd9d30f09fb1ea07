/** The end of a server, also where it cannot be an orderly one. */

import { connect } from "node:net";
import { loadConfig } from "../../src/config/load.ts";
import { createLogger } from "../../src/lib/logger.ts";
import { type Runtime, type SqliteDatabase, SqliteError } from "../../src/runtime/mod.ts";
import { startServer } from "../../src/server.ts";
import { bound } from "../harness/bound_statement.ts";
import { currentRuntime } from "../harness/runtime.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { assert, describe, it } from "../harness/test.ts";

const runtime = await currentRuntime();

/** The runtime, with a kv.db whose transactions cannot be committed once `isBroken` says so. */
function breakable(isBroken: () => boolean): Runtime {
  const openSqlite: Runtime["openSqlite"] = (path, options) => {
    const database = runtime.openSqlite(path, options);
    return path.endsWith("kv.db") ? breakableDatabase(database, isBroken) : database;
  };
  return { ...runtime, sqliteVersion: runtime.sqliteVersion, openSqlite };
}

function breakableDatabase(database: SqliteDatabase, isBroken: () => boolean): SqliteDatabase {
  return {
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
    prepare: (sql) => {
      const statement = database.prepare(sql);
      return {
        ...bound(statement),
        run: (...values) => {
          if (sql === "COMMIT" && isBroken()) throw new SqliteError("disk I/O error", 1034);
          return statement.run(...values);
        },
      };
    },
  };
}

/** The status line of `/livez` for a client that knows the server by that host. */
async function answerUnder(host: string, url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  let text = "";
  socket.on("data", (data) => text += data.toString());
  await new Promise((resolve) => socket.on("close", resolve));
  return text.slice(0, text.indexOf("\r\n"));
}

describe(`A server on ${runtime.name} that is told to stop`, () => {
  for (const breaks of [false, true]) {
    it(`ends, and says how: its disk ${breaks ? "breaks" : "is whole"}`, async () => {
      using temp = makeTempDir("server");
      let isBroken = false;
      const lines: string[] = [];
      const flags = Object.entries({
        ...{ node_id: "1", data_dir: temp.path, "network.shutdown_grace_ms": "100" },
        ...{ http_addr: "127.0.0.1:0", rpc_addr: "127.0.0.1:0" },
      }).map(([path, text]) => ({ flag: path, path, text }));
      const server = await startServer({
        config: loadConfig({ flags }).config,
        runtime: breakable(() => isBroken),
        logger: createLogger({
          level: "info",
          format: "text",
          write: (line) => lines.push(line),
          timestamp: () => "",
        }),
      });
      isBroken = breaks;
      await server.stop();
      assert.deepEqual(await server.stopped, { code: breaks ? 1 : 0 });
      assert.equal(lines.some((line) => /ERROR.*kv\.db could not be written/.test(line)), breaks);
    });
  }
});

describe(`A server on ${runtime.name} that listens on every address`, () => {
  it("is served under each of them, and under the one that it advertises", async () => {
    using temp = makeTempDir("server");
    const flags = Object.entries({
      ...{ node_id: "1", data_dir: temp.path, "network.shutdown_grace_ms": "100" },
      ...{ http_addr: "0.0.0.0:0", rpc_addr: "127.0.0.1:0" },
      ...{ http_advertise_addr: "kv1.example:7400", "security.http_hosts": '["kv.example"]' },
      "security.insecure_allow_non_loopback": "true",
    }).map(([path, text]) => ({ flag: path, path, text }));
    const server = await startServer({
      config: loadConfig({ flags }).config,
      runtime,
      logger: createLogger({
        level: "error",
        format: "text",
        write: () => {},
        timestamp: () => "",
      }),
    });
    const { port } = new URL(server.httpUrl);
    const url = `http://127.0.0.1:${port}`;
    for (const host of [`192.0.2.2:${port}`, "kv1.example:7400", "kv.example", "localhost"]) {
      assert.equal(await answerUnder(host, url), "HTTP/1.1 200 OK", host);
    }
    assert.match(await answerUnder("evil.example", url), /^HTTP\/1\.1 421 /);
    await server.stop();
  });
});

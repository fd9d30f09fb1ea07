import { MemoryKvTables } from "../../src/storage/memory/kv_tables.ts";
import { memorySqliteTables } from "../harness/memory_sqlite.ts";
import { SimStore } from "../harness/sim_store.ts";
import { kvCluster } from "./image_places.ts";
import { imageSuite } from "./image_suite.ts";
import type { KvPlace } from "./state_machine_place.ts";
import { memoryPlace, runtime, sqlitePlace } from "./state_machine_places.ts";

imageSuite({
  name: `sqlite on ${runtime.name}`,
  makeCluster: () => kvCluster(sqlitePlace),
});

imageSuite({ name: "memory", makeCluster: () => kvCluster(memoryPlace) });

/** Steps are taken one by one, with other things between them. */
function steppedPlace(): KvPlace {
  const tables = new MemoryKvTables({ soon: (run) => void setImmediate(run) });
  return { open: () => tables, crash: () => tables.rollback(), remove: () => {} };
}

imageSuite({ name: "memory, in steps", makeCluster: () => kvCluster(steppedPlace) });

/** A process that is killed takes its tables along: they are made anew from what was kept. */
function simulatedPlace(makeTables?: ConstructorParameters<typeof SimStore>[0]): KvPlace {
  let store = new SimStore(makeTables);
  return {
    open: () => store.tables,
    crash: () => {
      store.kill();
      store = store.copy();
    },
    remove: () => {},
  };
}

imageSuite({
  name: "the store of a simulated node",
  makeCluster: () => kvCluster(() => simulatedPlace()),
});

/** SQLite without a file is closed for good. */
function simulatedSqlitePlace(): KvPlace {
  const place = simulatedPlace(memorySqliteTables);
  const open = (): ReturnType<KvPlace["open"]> => {
    const tables = place.open();
    tables.close = () => {};
    return tables;
  };
  return { ...place, open };
}

imageSuite({
  name: "the store of a simulated node, on SQLite",
  makeCluster: () => kvCluster(simulatedSqlitePlace),
});

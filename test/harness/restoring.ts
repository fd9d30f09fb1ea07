/** Restoring a backup into a store, command by command, as a node would propose them. */

import type { RestoreOperation } from "../../src/kv/restore_command.ts";
import type { Operation } from "../../src/kv/command.ts";
import type { Result } from "../../src/kv/result.ts";
import { BackupReader } from "../../src/kv/backup/reader.ts";
import { crc32c } from "../../src/lib/crc32c.ts";
import { newSha256 } from "../../src/storage/backup/backup_file.ts";
import { put, range } from "./kv_commands.ts";
import { MemoryStore } from "./kv_store.ts";
import { plain } from "./plain.ts";
import { assert } from "./test.ts";

type Begin = Extract<RestoreOperation, { readonly kind: "beginRestore" }>;

export const restoreId = "00000000000000a1";

/** The commands up to the commit. */
export function restoreCommands(
  backup: Uint8Array,
  more: Partial<Begin> = {},
): readonly RestoreOperation[] {
  const blocks: Uint8Array[] = [];
  const reader = new BackupReader(newSha256(), (bytes) => blocks.push(bytes.slice()));
  reader.push(backup);
  const { header } = reader.finish();
  const { revision, oldest, clusterTimeMs, leasesNumbered } = header;
  const begin: Begin = {
    ...{ kind: "beginRestore", id: restoreId, over: "empty" },
    ...{ revision, oldest, clusterTimeMs, leasesNumbered, above: 0 },
    ...{ blocks: blocks.length, crc32c: blocks.reduce((crc, block) => crc32c(block, crc), 0) },
    ...more,
  };
  const { id } = begin;
  return [
    begin,
    ...blocks.map((block, first) =>
      ({ kind: "stageRestore", id, first, blocks: [block] }) as const
    ),
    { kind: "commitRestore", id },
  ];
}

/** Does all of it, in steps of so many records. Returns how many steps it took. */
export function restore(
  apply: (operation: Operation) => Result,
  backup: Uint8Array,
  { recordsMax = 64, ...more }: Partial<Begin> & { readonly recordsMax?: number } = {},
): number {
  const commands = restoreCommands(backup, more);
  const id = commands[0]?.id ?? restoreId;
  for (const command of commands) {
    const result = apply(command);
    assert.equal(result.kind, "restore", JSON.stringify(result));
  }
  for (let steps = 1;; steps++) {
    const result = apply({ kind: "stepRestore", id, recordsMax });
    assert.ok(result.kind === "restore", JSON.stringify(result));
    if (result.restore?.phase === "done") return steps;
    assert.ok(steps < 100_000, "It comes to its end");
  }
}

export function into(store: MemoryStore): (operation: Operation) => Result {
  return (operation) => store.do(operation);
}

/** Three keys, one of them on a lease, and a past. */
export function smallStore(): MemoryStore {
  const store = new MemoryStore();
  store.do({ kind: "grantLease", ttlMs: 60_000, id: "7" });
  store.do(put("a", "1"));
  store.do(put("b", "2", { lease: "7" }));
  store.do(put("a", "3"));
  store.do(put("c", "4", { ttlMs: 10_000 }));
  store.machine.commit();
  return store;
}

/** Every key with value, lease and version. */
export function valuesOf(store: MemoryStore): unknown {
  const answer = store.read(range({ limit: 10_000 }));
  assert.ok(answer.kind === "range", answer.kind);
  return answer.items.map(({ mod: _mod, create: _create, ...record }) => plain(record));
}

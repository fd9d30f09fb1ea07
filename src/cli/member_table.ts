/** Members as a table, and what is to come of them. */

import { listMember } from "../client/records.ts";
import { cell, renderTable } from "./table.ts";

type Json = Readonly<Record<string, unknown>>;

/** The members of an object; none of what is no object. */
export function membersIn(json: unknown): Json {
  return typeof json === "object" && json !== null ? { ...json } : {};
}

/** The configuration that is not committed, as a line; empty where there is none. */
export function pendingText(json: Json): string {
  const pending = membersIn(membersIn(json["configuration"])["pending"]);
  if (pending["index"] === undefined) return "";
  const voters = listMember(pending, "voters").map(cell).join(", ");
  const before = pending["joint"] === true ? " and those of before" : "";
  return `pending  configuration ${cell(pending["index"])} is not committed yet: ` +
    `its voters ${voters}${before} have to agree\n`;
}

/** The `members` of an answer, a line each. */
export function memberTable(json: Json): string {
  const columns = ["id", "role", "suffrage", "healthy", "match", "applied", "lag_ms"];
  const places = ["http", "rpc", "version"];
  const names = [...columns, ...places];
  const rows = listMember(json, "members").map((member) => {
    const members = membersIn(member);
    return names.map((name) => cell(members[name]));
  });
  return renderTable(names.map((name) => name.toUpperCase()), rows);
}

/** Members as a table. */

import { listMember } from "../client/records.ts";
import { cell, renderTable } from "./table.ts";

type Json = Readonly<Record<string, unknown>>;

/** The members of an object; none of what is no object. */
export function membersIn(json: unknown): Json {
  return typeof json === "object" && json !== null ? { ...json } : {};
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

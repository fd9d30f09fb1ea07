/** Tables and texts for a terminal. */

import { lossyText, strictText } from "../lib/bytes.ts";

/** Columns aligned to the left, two spaces apart, no trailing spaces. */
export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), title.length)
  );
  const line = (cells: readonly string[]): string =>
    cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd();
  return [head, ...rows].map((cells) => `${line(cells)}\n`).join("");
}

/** Bytes that no terminal takes for a command: control characters and bad UTF-8 are escaped. */
export function printable(bytes: Uint8Array): string {
  const text = strictText(bytes);
  if (text !== undefined && !/\p{C}/u.test(text)) return text;
  return text === undefined ? escapedBytes(bytes) : escapedText(text);
}

function escapedText(text: string): string {
  return text.replace(/\p{C}/gu, (letter) => JSON.stringify(letter).slice(1, -1));
}

function escapedBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    text += byte >= 0x20 && byte < 0x7f
      ? lossyText(Uint8Array.of(byte))
      : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}

/** `-` for what is not known. */
export function cell(value: unknown): string {
  return value === null || value === undefined ? "-" : String(value);
}

/** Writing all of something with calls that may write a part of it. */

/** As `writeSync` of a file: returns how many of `length` bytes, from `offset` on, it has taken. */
export type WritePart = (
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => number;

/** Throws what `write` throws, and where it takes nothing: a part may stand in the file then. */
export function writeWhole(write: WritePart, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    const count = write(bytes, done, bytes.length - done, position + done);
    if (count === 0) throw new Error(`Nothing was written at byte ${position + done}`);
    done += count;
  }
}

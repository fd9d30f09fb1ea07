/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4): guards entries, hard state and rows against bits
 * that the disk or the network turned. It is a checksum, not a signature: it finds accidents, not
 * attackers.
 */

const polynomial = 0x82f63b78;

/** Eight tables of 256 words: "slicing by eight" takes eight bytes a step instead of one. */
const tables: Uint32Array = buildTables();

function buildTables(): Uint32Array {
  const built = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    built[byte] = crc >>> 0;
  }
  for (let byte = 0; byte < 256; byte++) {
    let crc = built[byte]!;
    for (let slice = 1; slice < 8; slice++) {
      crc = (built[crc & 0xff]! ^ (crc >>> 8)) >>> 0;
      built[slice * 256 + byte] = crc;
    }
  }
  return built;
}

/**
 * The CRC-32C of `bytes`, an unsigned 32-bit integer. `previous` is the CRC of the bytes before
 * these, so that a value in several pieces needs no copy: `crc32c(b, crc32c(a))` equals `crc32c(a
 * ++ b)`.
 */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  const t = tables;
  let crc = ~previous >>> 0;
  let at = 0;
  const wholeEnd = bytes.length - (bytes.length % 8);
  while (at < wholeEnd) {
    const low = crc ^
      (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc = t[0x700 | (low & 0xff)]! ^ t[0x600 | ((low >>> 8) & 0xff)]! ^
      t[0x500 | ((low >>> 16) & 0xff)]! ^ t[0x400 | (low >>> 24)]! ^
      t[0x300 | bytes[at + 4]!]! ^ t[0x200 | bytes[at + 5]!]! ^
      t[0x100 | bytes[at + 6]!]! ^ t[bytes[at + 7]!]!;
    at += 8;
  }
  while (at < bytes.length) crc = t[(crc ^ bytes[at++]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

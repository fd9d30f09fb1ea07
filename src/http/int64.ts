/** Integers of 64 bits: they may exceed 2^53 − 1, so that texts carry them. */

/** True for the canonical decimal text of a signed 64-bit integer: no zeros in front, no plus. */
export function isInt64(text: string): boolean {
  if (!/^(0|-?[1-9][0-9]{0,18})$/.test(text)) return false;
  const number = BigInt(text);
  return BigInt.asIntN(64, number) === number;
}

/** True for what a lease can be called: 0 stands for "no lease". */
export function isLeaseId(text: string): boolean {
  return text !== "0" && isInt64(text);
}

/** What to tell where {@link isLeaseId} is false. */
export const leaseIdAllowed = "allowed is a lease's id, a signed 64-bit integer other than 0";

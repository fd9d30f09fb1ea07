/** Wall-clock times as answers tell them: for people, and nothing is decided by them. */

/** RFC 3339 has four digits for the year; a leader's clock may say anything. */
const lastTimeMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** RFC 3339, in UTC, to the millisecond. */
export function timeText(wallMs: number): string {
  return new Date(Math.min(wallMs, lastTimeMs)).toISOString();
}

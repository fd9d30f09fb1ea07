/** Which build this is. */

declare const SKEIN_COMMIT: unknown;

/** As in package.json; a test compares the two. */
export const version = "0.1.0";

/** The commit that a build was made from; `source` where the program runs from its sources. */
export const commit: string = typeof SKEIN_COMMIT === "string" ? SKEIN_COMMIT : "source";

/** Whether two values are the same all the way down: a cheap comparison for very many of them. */

type Plain = Readonly<Record<string, unknown>>;

/**
 * The same primitives, bytes, items and members, in whatever memory the bytes are. `without`: names
 * of members that are not looked at, wherever they stand. A member that is undefined is another
 * thing than none. Throws TypeError for what is neither plain nor a list nor bytes.
 */
export function isSame(a: unknown, b: unknown, without: readonly string[] = []): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return Object.is(a, b);
  }
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && isSameList(a, b, Object.is);
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b)) return false;
    return isSameList<unknown>(a, b, (left, right) => isSame(left, right, without));
  }
  return areMembersSame(plain(a), plain(b), without);
}

function isSameList<T>(
  a: ArrayLike<T>,
  b: ArrayLike<T>,
  isSameItem: (a: T | undefined, b: T | undefined) => boolean,
): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (!isSameItem(a[at], b[at])) return false;
  return true;
}

function areMembersSame(a: Plain, b: Plain, without: readonly string[]): boolean {
  let more = 0;
  for (const name of Object.keys(a)) {
    if (without.includes(name)) continue;
    if (!Object.hasOwn(b, name) || !isSame(a[name], b[name], without)) return false;
    more--;
  }
  for (const name of Object.keys(b)) if (!without.includes(name)) more++;
  return more === 0;
}

/** What a map or a date holds is in no member, so nothing of it would be compared. */
function plain(value: object): Plain {
  if (isPlain(value)) return value;
  throw new TypeError(
    `Not to be compared by its members: ${Object.prototype.toString.call(value)}`,
  );
}

function isPlain(value: object): value is Plain {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

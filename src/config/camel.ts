/** From the file's spelling of keys to the program's. */

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** `Snake` with the names of its members, and those of objects in it, in camelCase. */
export type Camelized<Snake> = {
  readonly [Name in keyof Snake as Name extends string ? CamelCase<Name> : never]: CamelizedValue<
    Snake[Name]
  >;
};

type CamelizedValue<Value> = Value extends readonly (infer Item)[] ? readonly Item[]
  : Value extends object ? Camelized<Value>
  : Value;

/** Renames the members of `snake`, and those of the members that `isSection` names. */
export function camelized<Snake extends object>(
  snake: Snake,
  isSection: (name: string) => boolean,
): Camelized<Snake> {
  const camel = Object.entries(snake).map(([name, value]) => {
    const renamed = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    return [renamed, isSection(name) ? camelized(value, isSection) : value];
  });
  // Only names changed, and they changed just as the type says.
  return Object.fromEntries(camel) as Camelized<Snake>;
}

/**
 * The clocks, timers and dice of the host, taken away while a simulation runs: whoever asked for
 * one would make a run that no seed repeats.
 */

const names = ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"] as const;

/** Runs `run` without them; each throws when it is asked. */
export function withoutAmbient<T>(run: () => T): T {
  const owners: readonly (readonly [object, string])[] = [
    ...names.map((name) => [globalThis, name] as const),
    ...[[Math, "random"], [Date, "now"], [performance, "now"]] as const,
  ];
  const before = owners.map(([owner, name]) => Reflect.get(owner, name) as unknown);
  for (const [owner, name] of owners) Reflect.set(owner, name, () => refuse(name));
  try {
    return run();
  } finally {
    owners.forEach(([owner, name], at) => Reflect.set(owner, name, before[at]));
  }
}

function refuse(name: string): never {
  throw new Error(`${name} was asked inside the simulation: the run would not repeat`);
}

/** The law of unused code: what nothing takes goes. Tests do not count: they would keep it alive. */
import type { Modules } from "./modules.ts";
import { isGenerated } from "./sources.ts";

/** Where a name is declared, as `path#name`. */
type Origin = string;

/**
 * Exports of `lib/` that nothing uses, and values of `internal.ts` that no other room takes. Types are
 * left alone there: they belong to the values that have them.
 *
 * @param entries paths of the modules whose exports are public
 */
export function findUnused(modules: Modules, entries: readonly string[]): string[] {
  const used = new Set<Origin>(entries.flatMap((entry) => namesOf(modules, entry)));
  for (const { imports } of modules.values()) {
    for (const { name, from } of imports) {
      const origins = name === "*" ? namesOf(modules, from) : [originOf(modules, from, name)];
      for (const origin of origins) if (origin !== undefined) used.add(origin);
    }
  }
  const out: string[] = [];
  for (const [path, { own, passedOn }] of modules) {
    if (!path.startsWith("lib/") || isGenerated(path)) continue;
    for (const [name, isUsedInside] of own) {
      if (!isUsedInside && !used.has(`${path}#${name}`)) out.push(`${path}: nothing uses ${name}`);
    }
    if (!path.endsWith("/internal.ts")) continue;
    for (const { as, isType } of passedOn) {
      const isTaken = [...modules.values()].some(({ imports }) =>
        imports.some(({ name, from }) => from === path && (name === as || name === "*"))
      );
      if (!isType && !isTaken) out.push(`${path}: no other room takes ${as}`);
    }
  }
  return out.sort();
}

/** Where a name that a module exports is declared. */
function originOf(modules: Modules, path: string, name: string): Origin | undefined {
  const module = modules.get(path);
  if (module === undefined) return undefined;
  if (module.own.has(name)) return `${path}#${name}`;
  const passed = module.passedOn.find(({ as }) => as === name);
  if (passed !== undefined) return originOf(modules, passed.from, passed.name);
  for (const other of module.all) {
    const origin = originOf(modules, other, name);
    if (origin !== undefined) return origin;
  }
  return undefined;
}

/** Where all names that a module exports are declared. */
function namesOf(modules: Modules, path: string): Origin[] {
  const module = modules.get(path);
  if (module === undefined) return [];
  return [
    ...[...module.own.keys()].map((name) => `${path}#${name}`),
    ...module.passedOn.flatMap(({ name, from }) => originOf(modules, from, name) ?? []),
    ...module.all.flatMap((other) => namesOf(modules, other)),
  ];
}

/** Calls of a store that change something on the disk, seen one by one. */
import { DatabaseSync, StatementSync } from "node:sqlite";

// deno-lint-ignore no-explicit-any
type Target = any;

const CALLS: readonly (readonly [Target, readonly string[]])[] = [
  [Deno, ["mkdir", "rename", "renameSync", "link", "remove", "removeSync", "chmod"]],
  [Deno, ["writeTextFile"]],
  [Deno.FsFile.prototype, ["write", "writeSync", "sync", "syncSync", "tryLock"]],
  [StatementSync.prototype, ["run"]],
  [DatabaseSync.prototype, ["close"]],
];

/**
 * Calls `before` ahead of each of them, with its name and its number from 1; what it throws is what the
 * call throws. Dispose brings the calls back as they were.
 */
export function watchCalls(before: (name: string, number: number) => void): Disposable {
  let count = 0;
  const undo: (() => void)[] = [];
  for (const [target, names] of CALLS) {
    for (const name of names) {
      const original = target[name];
      target[name] = function (this: unknown, ...args: unknown[]) {
        before(name, ++count);
        return original.apply(this, args);
      };
      undo.push(() => target[name] = original);
    }
  }
  return { [Symbol.dispose]: () => undo.forEach((fn) => fn()) };
}

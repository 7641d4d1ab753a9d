/** What verbs free that remove something. */
import { formatBytes } from "../bytes/mod.ts";
import type { Command } from "commander";
import { VarveError } from "../errors.ts";
import type { Reached } from "../store/mod.ts";
import type { Context } from "./context.ts";
import type { Options } from "./verb.ts";

/** Time in ms to wait for another process that collects garbage. */
const WAIT = 10_000;

/** Adds the option `--no-gc`. */
export function gcOption(command: Command): void {
  command.option("--no-gc", "leave what nothing needs any more to a later gc");
}

/**
 * Looks up what a verb is to remove. If it is not there, frees what nothing needs, before the error is thrown: an earlier
 * run of the verb may have been killed when it had removed the thing, and not yet freed what only that kept.
 */
export async function findToRemove<T>(
  context: Context,
  options: Options,
  find: () => Promise<T> | T,
): Promise<T> {
  try {
    return await find();
  } catch (error) {
    if (error instanceof VarveError && error.code === "E_NOT_FOUND") {
      await freeUnused(context, options);
    }
    throw error;
  }
}

/** Loads what {@linkcode freeUnused} needs, while the program waits for something else. */
export function prepareToFree(): void {
  // An error comes again when it is needed.
  import("../upkeep/mod.ts").catch(() => {});
}

/**
 * Removes what nothing needs any more, and says how much that was. With `--no-gc` it does nothing. It never fails: the
 * verb has done its work, and a later gc removes what is left.
 *
 * @param how `isSilent`: whether standard error belongs to somebody else, such as a container; `alreadyFreed`: bytes that
 * the verb has freed itself; `reached`: what that needed which the verb removed
 * @returns bytes that were freed; `null` when it is not known
 */
export async function freeUnused(
  context: Context,
  options: Options,
  { isSilent = false, alreadyFreed = 0, reached }: {
    readonly isSilent?: boolean | undefined;
    readonly alreadyFreed?: number | undefined;
    readonly reached?: Reached | undefined;
  } = {},
): Promise<number | null> {
  if (options["gc"] === false) return null;
  try {
    const { collectGarbage } = await import("../upkeep/mod.ts");
    const store = await context.store();
    const report = await collectGarbage(store, { reached, wait: WAIT, signal: context.signal });
    const bytes = report.bytes + alreadyFreed;
    if (bytes > 0 && !isSilent) context.say(`Freed ${formatBytes(bytes)}`);
    return bytes;
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    context.warn(`not all space was freed: ${error.message}; 'varve gc' frees it`);
    return null;
  }
}

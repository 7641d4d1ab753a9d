import type { Command } from "commander";
import { familiarName, tryParseReference } from "../../oci/mod.ts";
import { ROOT_FILES } from "../../store/internal.ts";
import { openStore, type Store } from "../../store/mod.ts";
import { type Candidate, complete } from "./complete.ts";

/** What a shell is told. */
export interface Answer {
  /** In the order in which they are shown; all begin with what was typed. */
  readonly candidates: readonly Candidate[];
  /** What files can stand there, too. */
  readonly files: "files" | "directories" | "";
}

/**
 * Answers a shell that asks how a command line goes on.
 *
 * Names are looked up in the store, if there is one: nothing is made for a question.
 *
 * @param words the words behind `varve`; the last one is where the cursor is
 */
export async function answer(
  program: Command,
  words: readonly string[],
  root: string,
): Promise<Answer> {
  const typed = words.at(-1) ?? "";
  const { candidates, sources, prefix } = complete(program, words);
  const names: Candidate[] = [];
  if (sources.includes("images") || sources.includes("snapshots")) {
    await using store = await tryOpen(rootOf(words) ?? root);
    if (store !== undefined && sources.includes("snapshots")) names.push(...snapshots(store));
    if (store !== undefined && sources.includes("images")) names.push(...images(store));
  }
  const all = [
    ...candidates,
    ...names.map(({ value, description }) => ({ value: prefix + value, description })),
  ];
  return {
    candidates: all.filter(({ value }) => value.startsWith(typed)),
    files: sources.includes("files")
      ? "files"
      : sources.includes("directories")
      ? "directories"
      : "",
  };
}

/** The root that the line itself gives. */
function rootOf(words: readonly string[]): string | undefined {
  for (const [at, word] of words.slice(0, -1).entries()) {
    if (word.startsWith("--root=")) return word.slice("--root=".length);
    if (word === "--root" && at + 2 < words.length) return words[at + 1];
  }
  return undefined;
}

/** Opens a store that is there; whoever presses TAB wants no errors. */
async function tryOpen(root: string): Promise<Store | undefined> {
  try {
    await Deno.stat(`${root}/${ROOT_FILES.database}`);
    return await openStore({ root });
  } catch {
    return undefined;
  }
}

/** Names as people write them. Those without a name are found by `varve images`. */
function images(store: Store): Candidate[] {
  return store.images.list().flatMap(({ name }) => {
    const reference = tryParseReference(name);
    return reference === undefined
      ? []
      : [{ value: familiarName(reference), description: "image" }];
  });
}

function snapshots(store: Store): Candidate[] {
  return store.snapshots.read((rows) => rows.list()).map(({ key, kind }) => ({
    value: key,
    description: `${kind} snapshot`,
  }));
}

import type { Command } from "commander";
import { familiarName, tryParseReference } from "../../oci/mod.ts";
import { ROOT_FILES } from "../../store/internal.ts";
import { type DiskStore, openStore, type Store } from "../../store/mod.ts";
import type { Candidate } from "./candidate.ts";
import { complete } from "./complete.ts";
import { filesOf, namePrefix, PLACES } from "./places.ts";
import type { Shell, Source } from "./sources.ts";

/** The answer to a shell. */
export interface Answer {
  /** In the order in which the shell shows them. All begin with the word at the cursor. */
  readonly candidates: readonly Candidate[];
  /** Whether the shell should offer files or directories as well. */
  readonly files: "files" | "directories" | "";
}

/**
 * Answers a shell that asks how to complete a command line.
 *
 * Names come from the store, if there is one. Completion never creates a store.
 *
 * @param words the words after `varve`; the cursor is at the end of the last one
 */
export async function answer(
  program: Command,
  words: readonly string[],
  root: string,
): Promise<Answer> {
  const typed = words.at(-1) ?? "";
  const { candidates, sources, prefix } = complete(program, words);
  let names: Candidate[] = [];
  if (sources.some((source) => FROM_STORE.includes(source))) {
    await using store = await tryOpen(rootOf(words) ?? root);
    if (store !== undefined && sources.includes("paths") && typed.includes(":/")) {
      const { pathsOf } = await import("./paths.ts");
      names = await pathsOf(store, typed);
    }
    if (store !== undefined && sources.includes("mounts")) {
      const { listMounts } = await import("../../mount/mod.ts");
      names = listMounts(store).map(({ target, key }) => ({ value: target, description: key }));
    }
    if (store !== undefined && sources.includes("snapshots")) {
      names = names.concat(snapshots(store));
    }
    if (store !== undefined && sources.includes("containers")) {
      const { listContainers } = await import("../../container/mod.ts");
      names = (await listContainers(store)).map(({ key, status }) => ({
        value: key,
        description: `container, ${status}`,
      }));
    }
    if (store !== undefined && sources.includes("images")) {
      const place = sources.includes("places") ? namePrefix(typed) : "";
      names = names.concat(images(store, place));
    }
  }
  if (sources.includes("places")) names = names.concat(await filesOf(typed));
  const all = [
    ...candidates,
    ...names.map(({ value, description }) => ({ value: prefix + value, description })),
  ];
  return {
    candidates: all.filter(({ value }) =>
      // Where a place is typed whole, what follows it is asked for.
      value.startsWith(typed) && !(value === typed && PLACES.includes(value))
    ),
    files: sources.includes("files")
      ? "files"
      : sources.includes("directories")
      ? "directories"
      : "",
  };
}

/** What bash reads as more than a part of a word. */
const SPECIAL = /[\s\\;&|<>()$`"'*?[\]{}!]/;

/**
 * The answer as a shell may use it. Bash puts words into the command line as they are, and they can be names of files in
 * an image: those that it would read as more than one word, or would run, are left out. The other shells quote words.
 */
export function safeFor(shell: Shell, found: Answer): Answer {
  if (shell !== "bash") return found;
  return { ...found, candidates: found.candidates.filter(({ value }) => !SPECIAL.test(value)) };
}

/** Sources whose words are in the store. */
const FROM_STORE: readonly Source[] = ["images", "snapshots", "containers", "paths", "mounts"];

/** The value of `--root` in the command line. */
function rootOf(words: readonly string[]): string | undefined {
  for (const [at, word] of words.slice(0, -1).entries()) {
    if (word.startsWith("--root=")) return word.slice("--root=".length);
    if (word === "--root" && at + 2 < words.length) return words[at + 1];
  }
  return undefined;
}

/** Opens a store if there is one. Completion shows no errors, so a store that cannot be opened counts as absent. */
async function tryOpen(root: string): Promise<DiskStore | undefined> {
  try {
    await Deno.stat(`${root}/${ROOT_FILES.database}`);
    return await openStore({ root, create: false });
  } catch {
    return undefined;
  }
}

/** Names of images in their short form, with what stands before each. Images without a name are left out. */
function images(store: Store, before: string): Candidate[] {
  return store.images.list().flatMap(({ name }) => {
    const reference = tryParseReference(name);
    return reference === undefined
      ? []
      : [{ value: before + familiarName(reference), description: "image" }];
  });
}

function snapshots(store: Store): Candidate[] {
  return store.snapshots.read((rows) => rows.list()).map(({ key, kind }) => ({
    value: key,
    description: `${kind} snapshot`,
  }));
}

import type { Digest } from "../../digest/mod.ts";
import { offerPath, offersIn } from "./ingest_names.ts";
import { LAYER_FILES } from "./names.ts";
import { isAlive } from "./owner.ts";
import type { Paths } from "./paths.ts";
import type { StagedFile, StagedFiles } from "./staged.ts";
import { makeDirectory, removeAll } from "./system.ts";

/**
 * An offer says where the files of a finished, uncommitted layer are. The offer is the content of
 * `ingest/<digest>.ready`. Other ingests take the layer by hard links, so they keep it when the
 * ingest that made it ends.
 *
 * Because of offers, a layer's lock is held only while the layer is made, and no two ingests wait for each
 * other's commit.
 */
interface Offer {
  readonly owner: string;
  readonly staged: StagedFiles;
}

/** Offers a finished layer under its digest and its diffID. */
export async function offer(paths: Paths, owner: string, staged: StagedFiles): Promise<void> {
  const text = JSON.stringify({ owner, staged } satisfies Offer);
  for (const name of namesOf(staged)) {
    const temporary = `${staged.directory}.ready`;
    await Deno.writeTextFile(temporary, text, { mode: 0o600 });
    await Deno.rename(temporary, offerPath(paths, name));
  }
}

/** Withdraws the offers of a layer, unless another ingest has replaced them by its own. */
export async function withdraw(paths: Paths, staged: StagedFiles): Promise<void> {
  for (const name of namesOf(staged)) {
    const found = await readOffer(paths, name);
    if (found?.staged.directory === staged.directory) await removeAll(offerPath(paths, name));
  }
}

/**
 * Takes an offered layer into `directory`, by hard links.
 *
 * @returns the layer; `"moving"` while its owner commits it; `"none"` when nobody offers it
 */
export async function adopt(
  paths: Paths,
  name: Digest,
  directory: string,
): Promise<StagedFiles | "moving" | "none"> {
  const found = await readOffer(paths, name);
  // Ignore the offer of a dead owner: its files may have lost bytes in a loss of power. The
  // next start of a store removes such an offer.
  if (found === undefined || !await isAlive(paths, found.owner)) return "none";
  const { staged } = found;
  try {
    await makeDirectory(directory);
    for (const file of [LAYER_FILES.tar, LAYER_FILES.tree]) {
      await Deno.link(`${staged.directory}/${file}`, `${directory}/${file}`);
    }
    let blob: StagedFile | null = null;
    if (staged.blob !== null) {
      blob = { ...staged.blob, path: `${directory}/${LAYER_FILES.blob}` };
      await Deno.link(staged.blob.path, blob.path);
    }
    return { ...staged, directory, blob };
  } catch (error) {
    await removeAll(directory);
    if (error instanceof Deno.errors.NotFound) return "moving";
    throw error;
  }
}

/** Removes the offers of owners that are dead. `names` are the names in `ingest/`. */
export async function removeDeadOffers(
  paths: Paths,
  names: readonly string[],
  lives: (owner: string) => Promise<boolean>,
): Promise<void> {
  for (const digest of offersIn(names)) {
    const found = await readOffer(paths, digest);
    if (found === undefined || !await lives(found.owner)) await removeAll(offerPath(paths, digest));
  }
}

function namesOf(staged: StagedFiles): Digest[] {
  return [...new Set<Digest>([staged.diffId, staged.digest])];
}

async function readOffer(paths: Paths, name: Digest): Promise<Offer | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(offerPath(paths, name))) as Offer;
  } catch (error) {
    // A loss of power can leave a truncated file, which is not an offer.
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

import {
  type Descriptor,
  descriptorToJson,
  jsonText,
  parseDescriptor,
  parseDocument,
  parseStrictJson,
} from "../../../oci/mod.ts";
import { attempt } from "../../attempt.ts";
import { namelessImage } from "../../rules.ts";
import { shownGeneration } from "../layout_index.ts";
import type { Paths } from "../paths.ts";
import type { Documents } from "./documents.ts";
import type { Salvage } from "./salvage.ts";

const REF_NAME = "org.opencontainers.image.ref.name";

/** An image name. */
export interface NamedImage {
  readonly name: string;
  readonly target: Descriptor;
  /** The row that the old database has for the same name and target. */
  readonly row?: Salvage["images"][number] | undefined;
}

/**
 * The image names of a store: those of `index.json`, or of the old database where that is newer. Without both, every
 * manifest and index that no other index names is an image without a name.
 */
export function imageNames(paths: Paths, documents: Documents, old: Salvage): NamedImage[] {
  const shown = shownGeneration(paths.index);
  const fromRows = old.images.map(fromRow);
  const isRowsNewer = (old.state.images ?? -1) > (shown ?? -1) && fromRows.length > 0 &&
    fromRows.every((image) => image !== undefined);
  if (isRowsNewer) return fromRows.filter((image) => image !== undefined);
  const listed = shown === undefined ? undefined : readIndex(paths.index);
  if (listed === undefined) return unnamed(documents);
  return listed.map((target) => {
    const { [REF_NAME]: given, ...annotations } = { ...target.annotations };
    const name = given ?? namelessImage(target.digest);
    const row = old.images.find((one) => one.name === name && isSame(fromRow(one)?.target, target));
    const isEmpty = Object.keys(annotations).length === 0;
    return { name, target: { ...target, annotations: isEmpty ? undefined : annotations }, row };
  });
}

/** Whether a row has a target that can be read, and that `index.json` shows. */
function isSame(row: Descriptor | undefined, shown: Descriptor): boolean {
  return row?.digest === shown.digest && row.size === shown.size &&
    row.mediaType === shown.mediaType;
}

function fromRow(row: Salvage["images"][number]): NamedImage | undefined {
  const target = attempt(() =>
    parseDescriptor(parseStrictJson(new TextEncoder().encode(row.target)))
  );
  return target === undefined || target.digest !== row.digest
    ? undefined
    : { name: row.name, target, row };
}

function readIndex(path: string): readonly Descriptor[] | undefined {
  const document = attempt(() => parseDocument(Deno.readFileSync(path)));
  return document?.kind === "index" ? document.manifests : undefined;
}

function unnamed({ files, manifests, indexes, types }: Documents): NamedImage[] {
  const named = new Set([...indexes.values()].flat());
  return [...manifests.keys(), ...indexes.keys()].flatMap((digest) => {
    if (named.has(digest)) return [];
    const file = files.get(digest);
    const mediaType = types.get(digest);
    if (file === undefined || mediaType === undefined) return [];
    const target = { mediaType, digest: file.digest, size: file.size };
    return [{ name: namelessImage(file.digest), target }];
  });
}

/** The target of an image as its row holds it. */
export function targetText({ target, row }: NamedImage): string {
  return row?.target ?? jsonText(descriptorToJson(target));
}

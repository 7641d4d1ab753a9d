import type { DiffId, Digest } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import type { Descriptor, Platform } from "../oci/mod.ts";
import type { Ingest } from "../store/mod.ts";
import type { ArchiveFiles } from "./files.ts";
import type { StagedResult, Stager, WantedLayer } from "./stager.ts";

/** A manifest of an image, with its layers staged. */
export interface StagedManifest {
  /** Digest of the config. */
  readonly imageId: Digest;
  /** What it runs on. */
  readonly platform: Platform;
  /** Lowest first. */
  readonly layers: readonly StagedResult[];
}

/** An image whose every part is staged. */
export interface StagedImage {
  /** Full names that the archive gives it; none for a nameless one. */
  readonly names: readonly string[];
  /** The manifest or index. */
  readonly target: Descriptor;
  /** Its manifests that the archive holds; at least one. */
  readonly manifests: readonly StagedManifest[];
}

/** What the readers of both archive forms work with. */
export interface StageContext {
  readonly files: ArchiveFiles;
  readonly ingest: Ingest;
  readonly stager: Stager;
  /** Only this platform of an index. */
  readonly platform?: Platform;
  readonly warn: (message: string) => void;
}

/** A layer and the file of the archive that holds it. */
export interface LayerFile extends WantedLayer {
  /** Name of the file. */
  readonly file: string;
}

/** Stages the layers of one manifest, at once; all have settled when it returns or throws. */
export async function stageLayers(
  context: StageContext,
  layers: readonly LayerFile[],
): Promise<StagedResult[]> {
  const results = await Promise.allSettled(layers.map((layer) => stageLayer(context, layer)));
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

async function stageLayer(context: StageContext, layer: LayerFile): Promise<StagedResult> {
  const { files, stager } = context;
  const at = await files.find(layer.file);
  switch (at?.kind) {
    case undefined:
      throw new VarveError(
        "E_MISSING",
        `Cannot load layer ${layer.label}: the archive does not hold ${JSON.stringify(layer.file)}`,
        { subject: layer.file },
      );
    case "range": {
      const { path, offset, length } = at;
      return await stager.layerFromRange(layer, { kind: "file", path, offset, length });
    }
    case "staged":
      return await stager.adopt(layer, at);
    case "known":
      return await stager.presentBlob(layer, at.digest, at.size);
    case "bytes":
      return await stager.layerFromBytes(layer, at.bytes);
    case "failed":
      throw at.error;
    default:
      throw new VarveError("E_FORMAT", `Cannot load layer ${layer.label}: it is no tar archive`, {
        subject: layer.file,
      });
  }
}

/** The diffIDs of staged layers. */
export function diffIdsOf(manifest: StagedManifest): DiffId[] {
  return manifest.layers.map((layer) => layer.diffId);
}

import { VarveError } from "../../../errors.ts";
import { formatPlatform } from "../../../oci/mod.ts";
import { type ImageRecord, readImage, type Store } from "../../../store/mod.ts";
import type { Context } from "../../context.ts";
import { formatBytes } from "../../display/progress.ts";
import { shortDigest } from "../../display/short.ts";
import { table } from "../../display/table.ts";
import { hostPlatform } from "../../images.ts";
import type { Verb } from "../../verb.ts";

interface Row {
  readonly name: string;
  readonly kind: "image" | "artifact" | "damaged";
  readonly imageId: string | null;
  readonly manifest: string;
  readonly platform: string | null;
  readonly size: number | null;
  readonly created: string | null;
}

/** `varve images`. */
export const images: Verb = {
  usage: "images",
  summary: "list images",
  help: `JSON: [{"name","kind","imageId","manifest","platform","size","created"}]
"kind" is "image", "artifact" (not an image, such as a chart or a signature; only name and manifest are known)
or "damaged". "size" is in bytes, uncompressed. A layer that several images share counts in each of them.`,
  async run(context) {
    const store = await context.store();
    const rows: Row[] = [];
    for (const record of store.images.list()) rows.push(await rowOf(context, store, record));
    return {
      json: rows,
      text: table(
        ["NAME", "IMAGE ID", "PLATFORM", "CREATED", "SIZE"],
        rows.map((row) => [
          row.name,
          shortDigest(row.imageId ?? row.kind),
          row.platform ?? "",
          row.created?.slice(0, 10) ?? "",
          row.size === null ? "" : formatBytes(row.size),
        ]),
      ),
    };
  },
};

/** One row. Artifacts and damaged images are listed too, so that the user can find and remove them. */
async function rowOf(context: Context, store: Store, record: ImageRecord): Promise<Row> {
  try {
    const image = await readImage(store, record, { platform: hostPlatform() });
    return {
      name: record.name,
      kind: "image",
      imageId: image.imageId,
      manifest: record.target.digest,
      platform: formatPlatform(image.config.platform),
      size: image.layers.reduce(
        (sum, { diffId }) => sum + (store.layers.get(diffId)?.size ?? 0),
        0,
      ),
      created: image.config.created ?? null,
    };
  } catch (error) {
    if (!(error instanceof VarveError)) throw error;
    const kind = error.code === "E_NOT_IMAGE" ? "artifact" : "damaged";
    if (kind === "damaged") context.warn(`${record.name}: ${error.message}`);
    return {
      name: record.name,
      kind,
      imageId: null,
      manifest: record.target.digest,
      platform: null,
      size: null,
      created: null,
    };
  }
}

import { formatPlatform } from "../../oci/mod.ts";
import { type ImageRecord, readImage, type Store } from "../../store/mod.ts";
import { VarveError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { hostPlatform } from "../images.ts";
import { formatBytes } from "../progress.ts";
import { shortDigest } from "../short.ts";
import { table } from "../table.ts";
import type { Verb } from "../verb.ts";

interface Row {
  readonly name: string;
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
  help: `JSON: [{"name","imageId","manifest","platform","size","created"}]
"size" is in bytes, uncompressed; it counts layers that images share in each of them.`,
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
          shortDigest(row.imageId ?? "damaged"),
          row.platform ?? "",
          row.created?.slice(0, 10) ?? "",
          row.size === null ? "" : formatBytes(row.size),
        ]),
      ),
    };
  },
};

/** A damaged image is listed, too: else nobody could remove it. */
async function rowOf(context: Context, store: Store, record: ImageRecord): Promise<Row> {
  try {
    const image = await readImage(store, record, { platform: hostPlatform() });
    return {
      name: record.name,
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
    context.warn(`${record.name}: ${error.message}`);
    const manifest = record.target.digest;
    return {
      name: record.name,
      imageId: null,
      manifest,
      platform: null,
      size: null,
      created: null,
    };
  }
}

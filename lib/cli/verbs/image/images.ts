import { formatBytes } from "../../../bytes/mod.ts";
import { VarveError } from "../../../errors.ts";
import { formatPlatform } from "../../../oci/mod.ts";
import {
  hostPlatform,
  type ImageRecord,
  openMemoryStore,
  readImage,
  readPlatforms,
  type Store,
  type StoredImage,
} from "../../../store/mod.ts";
import type { Context } from "../../context.ts";
import { digestStyle, NO_TRUNC } from "../../display/short.ts";
import { table } from "../../display/table.ts";
import { collect, type Verb } from "../../verb.ts";

/** What is shown of one platform of an image. */
interface PlatformRow {
  readonly imageId: string | null;
  readonly manifest: string;
  readonly platform: string | null;
  readonly size: number | null;
  readonly created: string | null;
}

/**
 * What is shown of a name. The values of a {@linkcode PlatformRow} in it are those of the platform that the name means,
 * except that `manifest` is the digest of the index if the name is that of an index.
 */
interface Row extends PlatformRow {
  readonly name: string;
  readonly kind: "image" | "artifact" | "damaged";
  /** All platforms that the store holds. The platform that the name means comes first. */
  readonly platforms: readonly PlatformRow[];
}

/** `varve images`. */
export const images: Verb = {
  usage: "images [pattern]",
  withoutStore: "lists nothing",
  summary: "list images",
  onlyReads: true,
  help:
    `PATTERN is a name, with or without a tag, full or short, in which * and ? stand for other characters. --filter takes
label=KEY[=VALUE], label!=KEY[=VALUE], until=TIME, dangling=true|false (images without a name) and reference=PATTERN. All
filters must let an image through; of several references, one. --sort takes name, created (newest first) and size (largest first).

A name of an index has a line for each of its platforms that is here. The first line is the one that the name
means without --platform.

JSON: [{"name","kind","imageId","manifest","platform","size","created","platforms":[{"imageId","manifest",
"platform","size","created"}]}]

"manifest" is the digest of the index, if the name is that of one; in "platforms" that of the manifest. "kind" is
"image", "artifact" (not an image, such as a chart or a signature; only name and manifest are known) or "damaged". "size" is in bytes, uncompressed. A layer that several images share counts in each of them.

Examples:
  varve images 'debian*' --sort size
  varve images --filter dangling=true --format '{{.name}}' | xargs -r varve rmi`,
  configure(command) {
    command
      .option("-a, --all", "no effect, for compatibility with Docker: all images are listed")
      .option("-q, --only-ids", "print only image IDs")
      .option("--digests", "show the digests of manifests, too")
      .option("-f, --filter <filter>", "list only some images; can be given several times", collect)
      .option("--sort <field>", "order: name, created or size (default: name)")
      .option(...NO_TRUNC);
  },
  async run(context, [pattern], options) {
    const store = await context.storeIfAny() ?? openMemoryStore();
    const isPlain = pattern === undefined && options["filter"] === undefined &&
      options["sort"] === undefined;
    const select = isPlain ? undefined : await import("./select_images.ts");
    const records = await select?.selectRecords(store, pattern, options, Date.now()) ??
      store.images.list();
    // Read the manifest of several names only once: an image can have thousands of names.
    const known = new Map<string, Row>();
    const found: Row[] = [];
    for (const record of records) {
      const key = JSON.stringify([record.target, record.platform]);
      const row = known.get(key) ?? await rowOf(context, store, record);
      known.set(key, row);
      found.push({ ...row, name: record.name });
    }
    const rows = select?.sortRows(found, options) ?? found;
    const show = digestStyle(options);
    if (options["onlyIds"] === true) {
      // Of what is no image, only the manifest is known.
      const ids = new Set(rows.map((row) => show(row.imageId ?? row.manifest)));
      return { json: rows, text: [...ids].map((id) => `${id}\n`) };
    }
    const digests = options["digests"] === true;
    return {
      json: rows,
      text: table(
        ["NAME", ...digests ? ["DIGEST"] : [], "IMAGE ID", "PLATFORM", "CREATED", "SIZE"],
        rows.flatMap((row) =>
          (row.platforms.length === 0 ? [row] : row.platforms).map((one) => [
            row.name,
            ...digests ? [one.manifest] : [],
            show(one.imageId ?? row.kind),
            one.platform ?? "",
            one.created?.slice(0, 10) ?? "",
            one.size === null ? "" : formatBytes(one.size),
          ])
        ),
        context.columns,
      ),
    };
  },
};

/** One row. Artifacts and damaged images are listed too, so that the user can find and remove them. */
async function rowOf(context: Context, store: Store, record: ImageRecord): Promise<Row> {
  try {
    const image = await readImage(store, record, { host: hostPlatform() });
    const all = image.descriptor.digest === record.target.digest
      ? []
      : await readPlatforms(store, record, ({ message }) => {
        context.warn(`${record.name}: ${message}`);
      });
    const others = all.filter((one) => one.descriptor.digest !== image.descriptor.digest);
    const own = platformRow(store, image);
    return {
      name: record.name,
      kind: "image",
      ...own,
      manifest: record.target.digest,
      platforms: [own, ...others.map((one) => platformRow(store, one))],
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
      platforms: [],
    };
  }
}

function platformRow(store: Store, image: StoredImage): PlatformRow {
  return {
    imageId: image.imageId,
    manifest: image.descriptor.digest,
    platform: formatPlatform(image.config.platform),
    size: image.layers.reduce(
      (sum, { diffId }) => sum + (store.layers.get(diffId)?.size ?? 0),
      0,
    ),
    created: image.config.created ?? null,
  };
}

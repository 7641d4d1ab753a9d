import type { CompressImageOptions } from "../archive/mod.ts";
import type { Context } from "./context.ts";
import { oneOf } from "./options.ts";
import type { ProgressItem } from "./progress.ts";
import { shortDigest } from "./short.ts";

/** What `--compression` asks for; nothing for `none`. @throws {VarveError} `E_USAGE` */
export async function compressionOf(
  context: Context,
  value: string | undefined,
): Promise<CompressImageOptions | undefined> {
  const format = oneOf("--compression", value ?? "none", ["none", "gzip", "zstd"]);
  if (format === "none") return undefined;
  const items = new Map<string, ProgressItem>();
  return {
    pool: await context.pool(),
    format,
    signal: context.signal,
    onProgress: ({ digest, size }, read) => {
      let item = items.get(digest);
      if (item === undefined) {
        item = context.progress.start(`${shortDigest(digest)} ${format}`, size);
        items.set(digest, item);
      }
      if (read === size) item.done("compressed");
      else item.update(read);
    },
  };
}

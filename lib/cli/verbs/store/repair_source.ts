import { archiveSource } from "../../../archive/internal.ts";
import type { ImageSource } from "../../../image/internal.ts";
import { registrySource } from "../../../registry/internal.ts";
import { archiveName, parseArchiveSource } from "../../archive_source.ts";
import type { Context } from "../../context.ts";
import { registryClient, remoteReference } from "../../registry.ts";

/** Where a repair gets bytes from. Dispose to close what it holds open. */
export interface RepairSource extends Disposable {
  readonly source: ImageSource;
}

/**
 * Reads the value of `--from`: an archive or an OCI layout where the text is a path that exists, or begins with a
 * transport (`oci:DIR`); else an image of a registry.
 */
export async function repairSource(context: Context, text: string): Promise<RepairSource> {
  if (archiveName(text) !== undefined || await exists(text)) {
    const { path, image, form } = parseArchiveSource(text);
    return { source: archiveSource(path, { image, form }), [Symbol.dispose]: () => {} };
  }
  const name = remoteReference(text.replace(/^docker:\/\//, ""), "pull");
  const client = await registryClient(context, name, { plainHttp: false });
  const source = registrySource(await context.store(), client, name, { allPlatforms: true });
  return { source, [Symbol.dispose]: () => client[Symbol.dispose]() };
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}

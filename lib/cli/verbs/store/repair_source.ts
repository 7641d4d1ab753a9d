import { archiveOrigin } from "../../../archive/mod.ts";
import type { ImageOrigin } from "../../../image/mod.ts";
import { registryOrigin } from "../../../registry/mod.ts";
import { archiveName, parseArchiveSource } from "../../archive_source.ts";
import type { Context } from "../../context.ts";
import { registryClient, remoteReference } from "../../registry.ts";

/** Where a repair gets bytes from. Dispose to close what it holds open. */
export interface RepairSource extends Disposable {
  readonly origin: ImageOrigin;
}

/**
 * Reads the value of `--from`: an archive or an OCI layout where the text is a path that exists, or begins with a
 * transport (`oci:DIR`); else an image of a registry.
 */
export async function repairSource(
  context: Context,
  text: string,
  plainHttp: boolean,
): Promise<RepairSource> {
  if (archiveName(text) !== undefined || await exists(text)) {
    const { path, image, form } = parseArchiveSource(text);
    return { origin: archiveOrigin(path, { image, form }), [Symbol.dispose]: () => {} };
  }
  const reference = text.replace(/^docker:\/\//, "");
  const name = remoteReference(reference, "pull");
  const client = await registryClient(context, name, { plainHttp });
  const origin = registryOrigin(await context.store(), client, reference);
  return { origin, [Symbol.dispose]: () => client[Symbol.dispose]() };
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

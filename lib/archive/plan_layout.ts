import { sniff } from "../codec/compress/mod.ts";
import { Verifier, VerifyingStream } from "../digest/mod.ts";
import { VarveError } from "../errors.ts";
import {
  openContent,
  type PlannedDocument,
  type PlannedImage,
  planSelected,
  readRange,
  type SelectedPlanOptions,
  skipBytes,
  statInput,
} from "../image/internal.ts";
import { type Descriptor, parseDocument } from "../oci/mod.ts";
import type { DocumentReading } from "./archive_context.ts";
import { directoryFiles } from "./directory_files.ts";
import { layoutImages, withInputErrors } from "./load.ts";
import { tarFiles } from "./tar_files.ts";

const MANIFEST = "the manifest";

/** Options of {@linkcode planLayout}. */
export interface LayoutPlanOptions
  extends Pick<SelectedPlanOptions, "limits" | "platforms" | "distributable">, DocumentReading {
  /** The name that the image has in the layout. Without it, the layout must hold a single image. */
  readonly image?: string | undefined;
}

/** An image of a layout. */
export interface LayoutImage extends PlannedImage {
  /** Full names that the layout gives it. */
  readonly names: readonly string[];
}

/**
 * Whether the files of an archive can be read in place, in any order: it is a directory or a plain tar. What is
 * compressed, or comes through a pipe, can be read only once, from its start.
 *
 * @throws {VarveError} `E_NOT_FOUND`, `E_DENIED`
 */
export async function isReadInPlace(path: string): Promise<boolean> {
  const { isDirectory, isFile, size } = await statInput(path, "copy");
  if (isDirectory) return true;
  if (!isFile || size === 0) return false;
  return await withInputErrors(
    path,
    async () => sniff(await readRange(path, 0, Math.min(512, size))) === "none",
  );
}

/**
 * Plans an image of an OCI layout that can be read in place, or some of its platforms: reads its documents, verified.
 *
 * @throws {VarveError} `E_USAGE` it holds several images, and `image` is not given · `E_FORMAT`, `E_JSON`, `E_MISSING`,
 *   `E_DIGEST`, `E_SIZE` bad data · `E_PLATFORM`
 */
export async function planLayout(path: string, options: LayoutPlanOptions): Promise<LayoutImage> {
  return await withInputErrors(path, () => plan(path, options));
}

async function plan(
  path: string,
  { image, limits, platforms, signal, warn, distributable }: LayoutPlanOptions,
): Promise<LayoutImage> {
  const { isDirectory } = await statInput(path, "copy");
  const reading = { limits, signal, warn };
  const files = isDirectory ? directoryFiles(path) : await tarFiles(path, reading);
  const [found] = await layoutImages({
    files,
    ingest: reading,
    platform: undefined,
    name: undefined,
    image,
    onlyOne: true,
  });
  if (found === undefined) throw new Error("a layout has no image");
  const { names, target, documents } = found;
  const missing = (what: string, { digest }: Descriptor) =>
    new VarveError("E_MISSING", `Cannot copy ${path}: it does not hold ${what} ${digest}`, {
      subject: digest,
      hint: what === MANIFEST ? "choose a platform that it holds" : undefined,
    });
  const bytesOf = async (wanted: Descriptor, role: "manifest" | "index" | "config") => {
    const bytes = await documents.document(wanted, role);
    if (bytes === undefined) throw missing(MANIFEST, wanted);
    const verifier = new Verifier(wanted);
    verifier.update(bytes);
    verifier.finish();
    return bytes;
  };
  const read = async (wanted: Descriptor) => {
    const { mediaType } = wanted;
    // What the descriptor calls it may be wrong. So the larger limit applies until it is read.
    const role = limits.index > limits.manifest ? "index" : "manifest";
    return parseDocument(await bytesOf(wanted, role), { mediaType, limits });
  };
  const root: PlannedDocument = { digest: target.digest, document: await read(target) };
  const planned = await planSelected(root, {
    label: path,
    platforms,
    limits,
    distributable,
    read,
    config: (blob) => bytesOf(blob, "config"),
    blobs: {
      async open(blob, from, signal = reading.signal) {
        const content = await documents.part?.(blob);
        if (content === undefined) throw missing("blob", blob);
        const bytes = await openContent(content, signal);
        // The signal closes the file of a stream that nobody reads to its end.
        const verified = ReadableStream.from(bytes)
          .pipeThrough(new VerifyingStream(blob), { signal });
        return from === 0 ? verified : verified.pipeThrough(skipBytes(from));
      },
    },
  });
  return { ...planned, names };
}

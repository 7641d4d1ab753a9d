/** An image that is not in a store, but of which all documents are known: what a copy sends. */
import { sha256 } from "../../digest/mod.ts";
import { VarveError } from "../../errors.ts";
import {
  checkOciLimit,
  type Descriptor,
  encodeIndex,
  formatPlatform,
  type ImageDocument,
  type Index,
  type Manifest,
  matchPlatform,
  type OciLimits,
  parseDocument,
  parseImageConfig,
  type Platform,
  selectManifest,
  withAttestations,
} from "../../oci/mod.ts";
import type { BlobSource } from "../contract.ts";
import { type ImagePlan, planImage, type PlannedDocument, type PlanOptions } from "../plan.ts";

/** The parts of an image, and where their bytes come from. */
export interface PlannedImage {
  readonly plan: ImagePlan;
  /** The blobs of the plan, each verified while it is read. */
  readonly blobs: BlobSource;
  /** Reads a config, verified. @throws {VarveError} `E_LIMIT` when it is larger than the limit of configs */
  config(blob: Descriptor): Promise<Uint8Array>;
}

/** Options of {@linkcode planSelected}. */
export interface SelectedPlanOptions
  extends
    Pick<PlannedImage, "blobs" | "config">,
    Pick<PlanOptions, "read" | "check" | "distributable"> {
  /** Name of the image for messages. */
  readonly label: string;
  /** The platforms that are wanted; all of them when empty. */
  readonly platforms: readonly Platform[];
  readonly limits: OciLimits;
}

/**
 * Plans an image, or those platforms of it that are wanted. One platform of an index is its manifest alone. Several are
 * a new index, which names their manifests and the attestations of these.
 *
 * @throws {VarveError} `E_PLATFORM` the image is not there for one of the platforms · as `planImage`
 */
export async function planSelected(
  root: PlannedDocument,
  options: SelectedPlanOptions,
): Promise<PlannedImage> {
  const { blobs, config, platforms } = options;
  const selected = platforms.length === 0 ? root : await select(root, options);
  return { plan: await planImage(selected, options), blobs, config };
}

async function select(
  root: PlannedDocument,
  options: SelectedPlanOptions,
): Promise<PlannedDocument> {
  const { platforms, limits } = options;
  const { document } = root;
  if (document.kind === "manifest") {
    await requirePlatform(document, options);
    return root;
  }
  if (platforms.length === 1) return await manifestFor(document, options);
  const wanted = new Set<string>(platforms.map((one) => selectManifest(document, one).digest));
  const manifests = withAttestations(document.manifests, wanted);
  if (manifests.length === document.manifests.length) return root;
  const { mediaType, annotations } = document;
  const bytes = encodeIndex({ mediaType, annotations, manifests });
  return { digest: sha256(bytes), document: parseDocument(bytes, { mediaType, limits }) };
}

/** The manifest for one platform, also in an inner index. */
async function manifestFor(
  index: Index,
  options: SelectedPlanOptions,
): Promise<PlannedDocument> {
  const [platform] = options.platforms as readonly [Platform];
  let document: ImageDocument = index;
  for (let depth = 1; document.kind === "index"; depth++) {
    checkOciLimit("indexDepth", options.limits.indexDepth, depth);
    const child = selectManifest(document, platform);
    document = await options.read(child);
    if (document.kind === "index") continue;
    // Where the index does not say the platform, only the config does.
    if (child.platform === undefined) await requirePlatform(document, options);
    return { digest: child.digest, document };
  }
  throw new Error("an index is no manifest");
}

async function requirePlatform(
  manifest: Manifest,
  { label, platforms, limits, config }: SelectedPlanOptions,
): Promise<void> {
  const { platform } = parseImageConfig(await config(manifest.config), { limits });
  if (platforms.every((wanted) => matchPlatform(wanted, platform) >= 0)) return;
  throw new VarveError("E_PLATFORM", `Cannot copy ${label}: the image is for another platform`, {
    subject: label,
    expected: platforms.map(formatPlatform).join(", "),
    actual: formatPlatform(platform),
  });
}

/**
 * The documents of an image, as the OCI image specification and Docker define them: read strictly, so
 * that no two readers can see different images in the same bytes, and written deterministically.
 *
 * - A {@linkcode Descriptor} names a blob by media type, digest and size. A {@linkcode Manifest} lists
 *   the descriptors of one config and its layers. An {@linkcode Index} lists manifests for several
 *   platforms. Docker's `manifest.json` is a list of {@linkcode ArchiveImage}.
 * - An {@linkcode ImageConfig} says what the image runs on, which diffIDs its layers have, how it was
 *   built, and how a container of it runs. {@linkcode editConfig} makes a new config from an old one;
 *   {@linkcode appendLayer}, {@linkcode squashedConfig} and {@linkcode rebasedConfig} use it.
 *   {@linkcode changeConfig} turns Dockerfile instructions into such an edit.
 * - A {@linkcode Reference} is the name of an image. A {@linkcode Platform} is what an image runs
 *   on; {@linkcode selectManifest} chooses the manifest that fits a machine best.
 * - {@linkcode parseStrictJson} and {@linkcode encodeJson} are the base of all documents.
 *   {@linkcode OCI_LIMITS} bounds the cost of a hostile document.
 *
 * The way from a name to layers: {@linkcode parseDocument} parses the document that the name refers
 * to. If the document is an index, {@linkcode selectManifest} returns the descriptor of a manifest,
 * which is parsed in turn. The manifest names the config, which {@linkcode parseImageConfig} reads.
 * Finally, {@linkcode imageLayers} pairs the layers of the manifest with the diffIDs of the config.
 *
 * A parsed document keeps its original bytes as `raw`, because its digest is computed from them.
 * Everything here is pure: bytes in, values out. The caller fetches and stores the bytes.
 *
 * @example
 * ```ts
 * import { encodeIndex, matchPlatform, parseIndex, selectManifest } from "@varve/varve/oci";
 * import { sha256 } from "@varve/varve/digest";
 *
 * const manifest = {
 *   mediaType: "application/vnd.oci.image.manifest.v1+json",
 *   digest: sha256(new Uint8Array(7)),
 *   size: 7,
 *   platform: { os: "linux", architecture: "arm64" },
 * };
 * const index = parseIndex(encodeIndex({ manifests: [manifest] }));
 * const chosen = selectManifest(index, { os: "linux", architecture: "arm64", variant: "v8" });
 * if (chosen.digest !== manifest.digest) throw new Error("never");
 * if (matchPlatform({ os: "linux", architecture: "amd64" }, manifest.platform) !== -1) {
 *   throw new Error("never");
 * }
 * ```
 *
 * @module
 */
export type { ByteString } from "../bytes/mod.ts";
export type { DiffId, Digest } from "../digest/mod.ts";
export * from "./config/change_config.ts";
export * from "./config/config.ts";
export type { ContainerChange } from "./config/container_change.ts";
export * from "./config/derived_config.ts";
export * from "./config/edit_config.ts";
export * from "./config/shell_words.ts";
export * from "./json/encode_json.ts";
export * from "./json/strict_json.ts";
export * from "./limits.ts";
export * from "./manifest/archive_manifest.ts";
export * from "./manifest/descriptor.ts";
export * from "./manifest/image_layers.ts";
export * from "./manifest/index_entries.ts";
export * from "./manifest/manifest.ts";
export * from "./manifest/media_type.ts";
export * from "./platform/platform.ts";
export * from "./platform/platform_match.ts";
export * from "./reference.ts";

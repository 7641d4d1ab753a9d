/**
 * The documents of an image: descriptors, manifests, indexes, configs, references and platforms, read
 * strictly, so that no two readers can see two images in the same bytes.
 *
 * Everything here is pure: bytes in, values out.
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
export * from "./manifest/archive_manifest.ts";
export * from "./config/change_config.ts";
export * from "./config/config.ts";
export * from "./manifest/descriptor.ts";
export * from "./config/edit_config.ts";
export * from "./json/encode_json.ts";
export * from "./manifest/image_layers.ts";
export * from "./json/strict_json.ts";
export * from "./limits.ts";
export * from "./manifest/manifest.ts";
export * from "./manifest/media_type.ts";
export * from "./platform/platform.ts";
export * from "./platform/platform_match.ts";
export * from "./reference.ts";
export * from "./config/shell_words.ts";
export * from "./config/derived_config.ts";

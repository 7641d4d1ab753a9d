/**
 * Registries: a client of the OCI distribution specification that believes nothing.
 *
 * @example
 * ```ts
 * import { parseChallenges } from "@varve/varve/registry";
 *
 * const [challenge] = parseChallenges('Basic realm="here"');
 * if (challenge?.scheme !== "basic") throw new Error("never");
 * ```
 *
 * @module
 */
export type * from "./contract.ts";
export { type Challenge, parseChallenges } from "./challenge.ts";
export { type ClientOptions, loadClientConfig, SYSTEM_CA_FILE } from "./client_config.ts";
export type { HelperPlace } from "./credential_helper.ts";
export { proxiesOf } from "./proxy.ts";
export { pullImage, type PullOptions } from "./pull.ts";
export { type FetchedDocument, type ManifestName, RegistryClient } from "./registry_client.ts";
export { copyImage, type CopySide } from "./copy.ts";
export { pushImage } from "./push.ts";
export type { PushedImage, PushOptions, PushProgress } from "./send_image.ts";
export type { BlobUpload, ManifestUpload, UploadOutcome } from "./upload.ts";
export { eraseCredential, type LoginOptions, storeCredential } from "./login.ts";
export type { RegistryServer, ServeRegistryOptions } from "./server/contract.ts";
export { serveRegistry } from "./server/serve.ts";

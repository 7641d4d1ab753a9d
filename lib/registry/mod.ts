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
export { type Challenge, parseChallenges } from "./auth/challenge.ts";
export type { HelperPlace } from "./auth/credential_helper.ts";
export { eraseCredential, type LoginOptions, storeCredential } from "./auth/login.ts";
export { type ClientOptions, loadClientConfig, SYSTEM_CA_FILE } from "./config/client_config.ts";
export { proxiesOf } from "./http/proxy.ts";
export {
  type FetchedDocument,
  type ManifestName,
  RegistryClient,
} from "./client/registry_client.ts";
export type { BlobUpload, ManifestUpload, UploadOutcome } from "./client/upload/upload.ts";
export type {
  Capability,
  ClientConfig,
  Credential,
  Endpoint,
  Proxies,
  Token,
  Tokens,
} from "./contract.ts";
export { copyImage, type CopyOptions, type CopySide } from "./transfer/copy.ts";
export { pullImage, type PullOptions } from "./transfer/pull.ts";
export { pushImage } from "./transfer/push.ts";
export type { PushedImage, PushOptions, PushProgress } from "./transfer/send_image.ts";

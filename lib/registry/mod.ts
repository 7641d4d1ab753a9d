/**
 * A client of the OCI distribution specification. It pulls, pushes and copies images, and does not
 * trust a registry.
 *
 * **Endpoints and fall-back.** {@linkcode loadClientConfig} reads containerd's hosts files and
 * makes a {@linkcode ClientConfig}: the mirrors of a registry in order, the registry itself last. A
 * pull tries them in that order. A mirror is tried once, if a later endpoint can take its place;
 * the last endpoint is retried with a growing delay. Pushes go to the first endpoint that may take
 * them.
 *
 * **Credentials and origins.** Credentials come from Docker's and podman's files and from
 * credential helpers; {@linkcode storeCredential} and {@linkcode eraseCredential} are login and
 * logout. A credential belongs to one origin (scheme, host, port). It is never sent to the target
 * of a redirect, a link or an upload location. It is sent to a token server only if the server
 * belongs to the registry's own domain, by the Public Suffix List, or if `token_realms` in
 * `hosts.toml` names the server.
 *
 * **Ranges and resume.** A blob is a stream that checks its size, and resumes with a range request
 * after a broken connection. A large blob that is slow over one connection is read over several
 * connections. An upload resumes at the offset that the registry names. Each digest is computed
 * while the bytes pass.
 *
 * The folders, lowest first: `http/` (one request, its body, its connections), `auth/` (credentials and
 * tokens), `config/` (hosts files → configuration), `client/` ({@linkcode RegistryClient} and its parts),
 * `transfer/` ({@linkcode pullImage}, {@linkcode pushImage}, {@linkcode copyImage}).
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
export type { HelperEnvironment } from "./auth/credential_helper.ts";
export { eraseCredential, type LoginOptions, storeCredential } from "./auth/login.ts";
export { type ClientOptions, loadClientConfig, SYSTEM_CA_FILE } from "./config/client_config.ts";
export { defaultClientOptions, type Environment } from "./config/default_options.ts";
export { proxiesOf } from "./http/proxy.ts";
export type { FetchedDocument, ManifestName } from "./client/fetch_manifest.ts";
export { RegistryClient } from "./client/registry_client.ts";
export type { ManifestUpload } from "./client/upload/put_manifest.ts";
export type { BlobUpload, UploadOutcome } from "./client/upload/upload_blob.ts";
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
export { pullImage } from "./transfer/pull.ts";
export type { PullOptions } from "./transfer/pull_options.ts";
export { registryOrigin } from "./transfer/registry_origin.ts";
export { pushImage, type PushOptions } from "./transfer/push.ts";
export type { PushedImage, PushProgress, TransferOptions } from "./transfer/registry_sink.ts";
export type { ClientChoice } from "./transfer/client_for.ts";

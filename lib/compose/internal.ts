/**
 * What other rooms need of composition. It is not part of the public API.
 *
 * @module
 */
export {
  type Above,
  composeChain,
  type ComposedChain,
  composedDirectory,
  composedImagesIn,
  type ComposeOptions,
} from "./compose_chain.ts";
export { type ComposedImage, IMAGE } from "./contract.ts";
export {
  lockLowers,
  requestTrim,
  trimIfRequested,
  trimOrRequest,
  tryLockLowersAlone,
} from "./lower_trim_lock.ts";
export { type MountedBy, mountImageFile, type MountImageFileOptions } from "./mount_image_file.ts";
export {
  hasSharedMounts,
  mountShared,
  sharedMountName,
  type SharedMountOptions,
  trimSharedMounts,
} from "./shared_mount.ts";
export { type ComposedProblem, type ComposedToVerify, verifyComposed } from "./verify_composed.ts";
export { warmUpCompose } from "./warm_up.ts";

/**
 * Mounts, unmounts and unpacks images.
 *
 * @module
 */
export {
  checkMountTarget,
  type MountedImage,
  mountImage,
  type MountImageOptions,
} from "./mount_image.ts";
export { unmountImage, type UnmountImageOptions } from "./unmount_image.ts";
export { unpackImage, type UnpackOptions } from "./unpack_image.ts";

/**
 * Mounts, unmounts and unpacks images.
 *
 * {@linkcode mountImage} shows an image at a directory, read-only or with a read-write snapshot on
 * top; {@linkcode unmountImage} ends that. {@linkcode unpackImage} needs no mount and no privileges:
 * it writes plain files.
 *
 * @module
 */
export { type MountedImage, mountImage, type MountImageOptions } from "./mount_image.ts";
export { unmountImage, type UnmountImageOptions } from "./unmount_image.ts";
export { unpackImage, type UnpackOptions } from "./unpack_image.ts";

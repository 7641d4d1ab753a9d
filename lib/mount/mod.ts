/**
 * Mounts, unmounts and unpacks images.
 *
 * {@linkcode mountImage} shows an image at a directory, read-only or with a read-write snapshot on top;
 * {@linkcode unmountImage} unmounts it. {@linkcode listMounts}
 * lists what is mounted, {@linkcode unmountAll} unmounts all of it. {@linkcode unpackImage} writes plain files, without a mount and without
 * privileges.
 *
 * @module
 */
export { type MountedImage, mountImage, type MountImageOptions } from "./mount_image.ts";
export { listMounts, type MountRecord } from "./list_mounts.ts";
export { unmountAll, type UnmountAllOptions } from "./unmount_all.ts";
export { type UnmountedImage, unmountImage, type UnmountImageOptions } from "./unmount_image.ts";
export { unpackImage } from "./unpack_image.ts";
export type { UnpackOptions, UnpackRemains } from "./unpack_options.ts";

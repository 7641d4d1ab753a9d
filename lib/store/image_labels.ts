/**
 * Label of a snapshot: digest of the manifest of the image that it was made for. Garbage collection keeps what that
 * manifest names for as long as the snapshot is active.
 */
export const IMAGE_MANIFEST_LABEL = "varve.image.manifest";

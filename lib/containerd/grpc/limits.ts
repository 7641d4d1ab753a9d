/** Largest message in bytes, in both directions: containerd's own bound. */
export const MAX_MESSAGE: number = 16 * 1024 * 1024;

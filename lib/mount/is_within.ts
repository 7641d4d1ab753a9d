/**
 * Whether a path is a directory or lies below it, by names alone. Both are absolute, without `.`, `..`
 * and double slashes; what they mean is the same only if they lead over no symbolic links.
 */
export function isWithin(path: string, directory: string): boolean {
  return `${path}/`.startsWith(directory === "/" ? "/" : `${directory}/`);
}

/**
 * Whether a path is equal to a directory or below it. Only the names are compared. Both paths must be absolute, without
 * `.`, `..` and double slashes, and should contain no symbolic links.
 */
export function isWithin(path: string, directory: string): boolean {
  return `${path}/`.startsWith(directory === "/" ? "/" : `${directory}/`);
}

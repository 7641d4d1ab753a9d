/** A text that names an image outside of the store: a transport of skopeo, and what follows it. */
const SOURCE = /^(?:docker-archive:|oci-archive:|oci:|docker:\/\/)/;

/** Whether an argument of a reading verb names an image that is not in the store, such as `oci-archive:app.tar`. */
export function isSource(argument: string): boolean {
  return SOURCE.test(argument);
}

/**
 * The position in `SOURCE:/PATH` of the colon that ends the source; -1 when there is no path. The first slash after a
 * transport begins the path of a file, and `docker://` is no end either.
 */
export function sourceEnd(argument: string): number {
  const begin = SOURCE.exec(argument)?.[0].length ?? 0;
  return argument.indexOf(":/", begin);
}

/** The transport of a source, without its end: `oci-archive`. */
export function sourceKind(source: string): string {
  return source.slice(0, source.indexOf(":"));
}

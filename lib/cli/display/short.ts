/** Abbreviates a digest to 12 hexadecimal digits. Any other text is returned unchanged. */
export function shortDigest(digest: string): string {
  const match = /(?:^|\/)(?:sha(?:256|512)[:/])?([0-9a-f]{64})/.exec(digest);
  return match === null ? digest : (match[1] as string).slice(0, 12);
}

/** The option that shows digests whole. */
export const NO_TRUNC: readonly [flags: string, description: string] = [
  "--no-trunc",
  "show digests and texts whole",
];

/** How digests are shown: by their beginning, or with `--no-trunc` whole. */
export function digestStyle(
  options: Readonly<Record<string, unknown>>,
): (digest: string) => string {
  // Commander gives an option that begins with "no-" the opposite name, and true where it is absent.
  return options["trunc"] === false ? (digest) => digest : shortDigest;
}

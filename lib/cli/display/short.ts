/** Abbreviates a digest to 12 hexadecimal digits. Any other text is returned unchanged. */
export function shortDigest(digest: string): string {
  const match = /(?:^|\/)(?:sha(?:256|512)[:/])?([0-9a-f]{64})/.exec(digest);
  return match === null ? digest : (match[1] as string).slice(0, 12);
}

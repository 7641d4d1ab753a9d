/** The first character of a store's path at which containerd splits mount options: it knows no escapes. */
export function unusableCharacter(root: string): string | undefined {
  return /[:,\\]/.exec(root)?.[0];
}

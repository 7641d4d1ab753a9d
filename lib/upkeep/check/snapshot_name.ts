/** The name of a snapshot in a finding: its key, and whose it is if it is not the user's own. */
export function snapshotName(
  { scope, key }: { readonly scope: string; readonly key: string },
): string {
  return scope === "" ? key : `${key} of ${scope}`;
}

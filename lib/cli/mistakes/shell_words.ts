/** Writes a command line that a user can paste into a shell. Words are quoted where the shell would change them. */
export function commandLine(words: readonly string[]): string {
  return words.map((word) =>
    /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
  ).join(" ");
}

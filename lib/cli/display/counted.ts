/** A number and what it counts: `1 file`, `2 files`, `0 entries`. */
export function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}

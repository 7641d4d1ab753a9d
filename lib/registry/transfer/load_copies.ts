/** Loads what copies images. The door to it is loaded at each start of the command, and the rest of a copy is not. */
export async function loadCopies(): Promise<typeof import("./copy.ts")> {
  return await import("./copy.ts");
}

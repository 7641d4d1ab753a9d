/** Finds the files that the laws judge. */

/** The `file:` URL of a project path. */
export function toUrl(root: string, path: string): string {
  const dir = root.endsWith("/") ? root : `${root}/`;
  return new URL(path.split("/").map(encodeURIComponent).join("/"), `file://${dir}`).href;
}

/** The project's own folder, without a slash at the end. */
export const PROJECT: string = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");

/** Folders of files that nobody writes: `deno task proto` does. */
const GENERATED = ["lib/containerd/proto/generated/", "tests/support/containerd/cri/generated/"];

/** Generated files. Nobody writes them: the laws of names, length and use do not apply. */
export function isGenerated(path: string): boolean {
  return GENERATED.some((folder) => path.startsWith(folder));
}

/** Project paths of all TypeScript files that ship, sorted. */
export async function listSources(root: string): Promise<string[]> {
  const out: string[] = [];
  for (const top of ["mod.ts", "lib", "workers"]) await collect(root, top, out);
  return out.sort();
}

/** Project paths of all TypeScript files under a folder, sorted. */
export async function listFolder(root: string, folder: string): Promise<string[]> {
  const out: string[] = [];
  await collect(root, folder, out);
  return out.sort();
}

async function collect(root: string, path: string, out: string[]): Promise<void> {
  const info = await Deno.lstat(`${root}/${path}`).catch(absent);
  if (info === undefined) return;
  if (info.isFile) {
    if (path.endsWith(".ts")) out.push(path);
    return;
  }
  if (!info.isDirectory) return;
  for await (const entry of Deno.readDir(`${root}/${path}`)) {
    await collect(root, `${path}/${entry.name}`, out);
  }
}

function absent(error: unknown): undefined {
  if (error instanceof Deno.errors.NotFound) return undefined;
  throw error;
}

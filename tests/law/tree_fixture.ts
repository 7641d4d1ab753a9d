/** A small project in a temporary directory: a law is seen to fail on it. */

/** A project that is removed when it goes out of scope. */
export interface FixtureTree extends AsyncDisposable {
  readonly path: string;
}

/** Writes the files (path → text), and an empty `deno.json` where none is given. */
export async function makeTree(files: Readonly<Record<string, string>>): Promise<FixtureTree> {
  const path = await Deno.makeTempDir({ prefix: "varve-law-tree-" });
  for (const [name, text] of Object.entries({ "deno.json": "{}", ...files })) {
    const file = `${path}/${name}`;
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(file, text);
  }
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

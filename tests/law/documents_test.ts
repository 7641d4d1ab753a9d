import { assertEquals } from "@std/assert";
import { judgeClaims, type Project } from "./document_claims.ts";
import { DOCUMENTS, readDocument } from "./documents.ts";
import { PROJECT, toUrl } from "./sources.ts";

const project: Project = {
  async read(path) {
    const info = await Deno.stat(`${PROJECT}/${path}`).catch(() => undefined);
    if (info === undefined) return undefined;
    return info.isFile ? await Deno.readTextFile(`${PROJECT}/${path}`) : "";
  },
  load: (path) => import(toUrl(PROJECT, path)),
};

for (const document of DOCUMENTS) {
  Deno.test(`${document}: paths, links and constants are those of the code`, async () => {
    assertEquals(await judgeClaims(document, await readDocument(document), project), []);
  });
}

Deno.test("the documents name constants and paths at all", async () => {
  const security = await readDocument("SECURITY.md");
  const broken = await judgeClaims("SECURITY.md", security, {
    ...project,
    read: () => Promise.resolve(undefined),
  });
  const constants = broken.filter((line) => / is undefined, not [0-9]+$/.test(line));
  assertEquals(constants.length > 10, true, broken.join("\n"));
});

Deno.test("the check of the documents can fail", async () => {
  const files: Readonly<Record<string, string>> = {
    "lib/a.ts": String.raw`
      const SIZE = 64 * 1024;
      export const MANY: number = 2 ** 20;
      const TIME = 3_000;
      const MAGIC = "varve-x 7\n";
      export const ALL: number = LIST.length;`,
    "lib": "",
    "B.md": "",
  };
  const text = `See [B](B.md), [C](C.md#part), [out](https://example.org/x), [here](#there).
In \`lib/\`, \`lib/a.ts\`, \`lib/b.ts\` and \`tests/x\`. \`SIZE\` and \`GONE\` in \`lib/a.ts\`.

| what | limit   | constant                |
| ---- | ------: | ----------------------- |
| a    | 64 KiB  | \`SIZE\` in \`lib/a.ts\`  |
| b    | 65 KiB  | \`SIZE\` in \`lib/a.ts\`  |
| c    | 1 MiB   | \`MANY\` in \`lib/a.ts\`  |
| d    | 3,000 ms | \`TIME\` in \`lib/a.ts\` |
| e    | 3       | \`NONE\` in \`lib/a.ts\`  |
| f    | 6       | \`MAGIC\` in \`lib/a.ts\` |
| g    | 4       | \`ALL\` in \`lib/a.ts\`   |
| h    | 5       | \`ALL\` in \`lib/a.ts\`   |
`;
  const small: Project = {
    read: (path) => Promise.resolve(files[path]),
    load: () => Promise.resolve({ ALL: 4 }),
  };
  assertEquals(await judgeClaims("A.md", text, small), [
    "A.md: ALL in lib/a.ts is 4, not 5",
    "A.md: C.md does not exist",
    "A.md: MAGIC in lib/a.ts is 7, not 6",
    "A.md: NONE in lib/a.ts is undefined, not 3",
    "A.md: SIZE in lib/a.ts is 65536, not 66560",
    "A.md: lib/b.ts does not exist",
    "A.md: no GONE in lib/a.ts",
    "A.md: no NONE in lib/a.ts",
    "A.md: tests/x does not exist",
  ]);
});

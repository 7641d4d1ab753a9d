import { assertEquals } from "@std/assert";
import * as assertions from "@std/assert";
import { PROJECT } from "./sources.ts";

async function json(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await Deno.readTextFile(`${PROJECT}/${path}`));
}

Deno.test("the configuration without stand-ins differs in nothing else", async () => {
  const own = await json("deno.json");
  const real = await json("tests/std/real.json");
  const { imports, compilerOptions } = own;
  assertEquals(real, { imports, compilerOptions, lock: false });
});

Deno.test("each stand-in is a member whose version its range allows", async () => {
  const { workspace: members, imports } = await json("deno.json") as {
    workspace: string[];
    imports: Record<string, string>;
  };
  // The other member is no package: it has settings of the linter.
  const workspace = members.filter((member) => member !== "./examples");
  assertEquals(Object.keys(await json("examples/deno.json")), ["lint"]);
  for (const member of workspace) {
    const { name, version, publish } = await json(`${member}/deno.json`);
    const range = imports[String(name)]?.replace(`jsr:${name}@^`, "") ?? "no range";
    assertEquals(publish, false, `${name} would be published`);
    assertEquals(String(version).split(".")[0], range.split(".")[0], `${name}: ${range}`);
  }
  const names = workspace.map((member) => `@std/${member.slice(member.lastIndexOf("/") + 1)}`);
  const wanted = Object.keys(imports).filter((name) => name.startsWith("@std/"));
  assertEquals(names.toSorted(), wanted.toSorted());
});

Deno.test("the stand-in of @std/assert has everything that it names", () => {
  const missing = Object.entries(assertions).filter(([, value]) => typeof value !== "function");
  assertEquals(missing, []);
  assertEquals(typeof assertions.AssertionError, "function");
});

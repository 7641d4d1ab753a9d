import { assertEquals } from "@std/assert";
import { tomlKeys } from "../../../../lib/registry/config/toml_keys.ts";

/** The paths of all keys, each with the text at its position. */
const found = (text: string) =>
  tomlKeys(text).map(({ path, at, header }) => [
    path.join("/"),
    text.slice(at, at + 3),
    ...header === undefined ? [] : [text.slice(header, header + 2)],
  ]);

Deno.test("keys of lines, headers and inline tables are found where they are", () => {
  const text = `# no = "key"
one = 1 # two = 2
"t.w\\u006f\\U0001f600\\x41\\t\\"\\\\" = 'it # s'
three . four = { five = [1, { six = 6 }, "]}"], 'seven' = { } } # }
[table]
eight = """ nine = "9" \\""" """
ten = '''
eleven = 11''''
[[array."of".tables]]
  twelve = [
    { thirteen = 13 }, # fourteen = 14
    2020-01-01 10:00:00,
    [[ { fifteen = true } ]],
  ]`;
  assertEquals(found(text), [
    ["one", "one"],
    ['t.wo\u{1f600}A\t"\\', '"t.'],
    ["three/four", "fou"],
    ["three/four/five", "fiv"],
    ["three/four/five/six", "six"],
    ["three/four/seven", "'se"],
    ["table", "tab", "[t"],
    ["table/eight", "eig"],
    ["table/ten", "ten"],
    ["array/of/tables", "tab", "[["],
    ["array/of/tables/twelve", "twe"],
    ["array/of/tables/twelve/thirteen", "thi"],
    ["array/of/tables/twelve/fifteen", "fif"],
  ]);
});

Deno.test("a search in a text that is no TOML ends, too", () => {
  for (
    const text of [
      "",
      "[",
      "a",
      "a =",
      "= = =",
      "a = {",
      "a = [ ] ] ]",
      "}{",
      "a = '''",
      "[a.\n",
    ]
  ) {
    assertEquals(Array.isArray(tomlKeys(text)), true, text);
  }
});

import { assertEquals, assertThrows } from "@std/assert";
import { Template } from "../../../../lib/cli/display/template.ts";

const lines = (template: string, document: unknown) => [...new Template(template).lines(document)];

Deno.test("templates: fields, nested fields, the whole value, and a line for each value of a list", () => {
  const row = {
    name: "a:1",
    size: 7,
    big: 9223372036854775807n,
    config: { env: ["A=B"] },
    none: null,
  };
  assertEquals(lines("{{.name}}\\t{{ .size }}", row), ["a:1\t7\n"]);
  assertEquals(lines("{{.config.env}} {{.big}}-{{.none}}", row), [
    '["A=B"] 9223372036854775807-\n',
  ]);
  assertEquals(lines("{{.name}}", [row, { name: "b" }]), ["a:1\n", "b\n"]);
  function* rows() {
    yield { path: "/a", size: 1 };
    yield { path: "/b" };
  }
  assertEquals(lines("{{.path}}={{.size}}", rows()), ["/a=1\n", "/b=\n"]);
  assertEquals(lines("{{.entries}}", { entries: rows() }), [
    '[{"path":"/a","size":1},{"path":"/b"}]\n',
  ]);
  assertEquals(lines("{{.}}", { a: 1 }), ['{"a":1}\n']);
  assertEquals(lines("{{.name}}", []), []);
  assertEquals(lines("{{.x}}", undefined), []);
});

Deno.test("templates: foreign text cannot control the terminal", () => {
  assertEquals(lines("{{.a}}", { a: "\x1b[2J" }), ["\\u{1b}[2J\n"]);
});

Deno.test("templates: what is no template, and fields that no value has, are refused", () => {
  for (
    const wrong of ["{{.a", "{{a}}", "{{json .}}", "{{.a | upper}}", "{{}}", "{{..a}}", "{{.a b}}"]
  ) {
    assertThrows(() => new Template(wrong), Error, "it is no template", wrong);
  }
  // Docker's word before a template would be the text of each line.
  assertThrows(() => new Template("table {{.a}}\t{{.b}}"), Error, "it is no template");
  const error = assertThrows(
    () => lines("{{.nam}}", [{ name: "a", size: 1 }]),
    Error,
    "no such field",
  );
  assertEquals(
    (error as unknown as { details: { hint: string } }).details.hint,
    "fields are name, size",
  );
  assertThrows(() => lines("{{.constructor}}", [{ name: "a" }]), Error, "no such field");
});

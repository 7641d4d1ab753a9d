import { assertEquals, assertThrows } from "@std/assert";
import { VarveError } from "../../../lib/errors.ts";
import { compileFilters } from "../../../lib/snapshot/snapshot_filter.ts";
import type { SnapshotRow } from "../../../lib/store/mod.ts";

const ROW: SnapshotRow = {
  scope: "",
  key: "sha256:abc",
  kind: "committed",
  parent: "base",
  cacheId: 7,
  diffId: null,
  labels: {
    "containerd.io/gc.root": "2020",
    simple: "a b",
    "with-dash": "x",
    "a.b": "dots",
    path: "/var/lib",
    é: "ü",
  },
  createdAt: 0,
  updatedAt: 0,
  usage: null,
};

function matches(...filters: string[]): boolean {
  return compileFilters(filters).passes(ROW);
}

Deno.test("a filter matches what containerd's does", () => {
  const cases: [filter: string, expected: boolean][] = [
    ["", true],
    ["name", true],
    ["parent", true],
    ["kind", true],
    ["name==sha256:abc", true],
    ["name==sha256:ab", false],
    ["name!=sha256:abc", false],
    ["name!=other", true],
    ["name~=^sha256", true],
    ["name~=b.$", true],
    ["name~=x", false],
    ["kind==committed", true],
    ["kind==active", false],
    ["kind==committed,parent==base", true],
    ["kind==committed,parent==other", false],
    [" kind == committed , parent == base ", true],
    ['labels."containerd.io/gc.root"==2020', true],
    ['labels."containerd.io/gc.root"', true],
    ["labels.a.b==dots", true],
    ['labels."a".b==dots', true],
    ["labels.with-dash==x", true],
    ['labels.simple=="a b"', true],
    ['labels.simple=="a\\x20b"', true],
    ['labels.simple=="a\\040b"', true],
    ['labels.simple=="\\u0061 b"', true],
    ['labels."\\u00e9"=="\\U000000fc"', true],
    ["labels.absent", false],
    ["labels.absent==x", false],
    ["labels.absent!=x", true],
    ['labels.absent!=""', false],
    ["labels.absent~=^$", true],
    ["labels", false],
    ["unknown", false],
    ["unknown==x", false],
    ["labels.constructor", false],
    ["labels.path~=|^/var|", true],
    ["labels.path~=/^\\/var\\/lib$/", true],
    ['labels.path~="^/var"', true],
    ["labels.path~=(?i)VAR", true],
    ["name~=\\_?sha", true],
  ];
  for (const [filter, expected] of cases) {
    assertEquals([filter, matches(filter)], [filter, expected]);
  }
});

Deno.test("filters are OR-ed; none lets everything pass", () => {
  assertEquals(matches(), true);
  assertEquals(matches("kind==active", "kind==view"), false);
  assertEquals(matches("kind==active", "kind==committed"), true);
});

Deno.test("a row without a parent matches an empty parent", () => {
  const { passes } = compileFilters(['parent==""']);
  assertEquals([passes(ROW), passes({ ...ROW, parent: null })], [false, true]);
});

Deno.test("a malformed filter is the caller's mistake", () => {
  const malformed = [
    "name=x",
    "name===x",
    "name=~x",
    "name==",
    "name==a b",
    "name==x,",
    ",name",
    "name.",
    ".name",
    "==x",
    'name=="x',
    'name=="\\q"',
    'name=="\\U00110000"',
    "name~=(",
    "name~=/x",
    "name==/x/",
    "name==\u0000".replace("\u0000", " "),
    "x".repeat(16 * 1024 + 1),
  ];
  for (const filter of malformed) {
    const error = assertThrows(() => compileFilters([filter]), VarveError) as VarveError;
    assertEquals([filter.slice(0, 20), error.code], [filter.slice(0, 20), "E_USAGE"]);
  }
});

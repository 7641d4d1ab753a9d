/** The house as text: for a terminal, and as the generated parts of `ARCHITECTURE.md`. */
import type { House, RoomFacts } from "./house_facts.ts";
import { markdownTable } from "./markdown_table.ts";

/** Rooms with their sizes, every edge with its number of imports, and the circles. */
export function houseReport(house: House): string {
  const rows = house.rooms.map(({ room, files, lines, imports }) => [
    room.name,
    String(files),
    lines.toLocaleString("en"),
    [...imports].map(([name, count]) => `${name} ${count}`).join(", "),
  ]);
  const files = sum(house.rooms.map((room) => room.files));
  const lines = sum(house.rooms.map((room) => room.lines));
  const edges = sum(house.rooms.map((room) => room.imports.size));
  const report = [["room", "files", "lines", "imports"], ...rows];
  const widths = [0, 1, 2].map((column) =>
    Math.max(...report.map((row) => (row[column] ?? "").length))
  );
  const [first = 0, second = 0, third = 0] = widths;
  const out = report.map(([name = "", count = "", length = "", imports = ""]) =>
    `${name.padEnd(first)}  ${count.padStart(second)}  ${length.padStart(third)}  ${imports}`
      .trimEnd()
  );
  out.push("", `${files} files, ${lines.toLocaleString("en")} lines, ${edges} edges`);
  out.push(house.circles.length === 0 ? "no import circles" : "import circles:");
  out.push(...house.circles.map((circle) => `  ${circle}`));
  return out.join("\n") + "\n";
}

/** The table of rooms in Markdown, aligned as `deno fmt` does it. */
export function roomTable(house: House, exports: Readonly<Record<string, string>>): string {
  const rows = house.rooms.map((facts) => {
    const { room, files } = facts;
    const subpaths = subpathsOf(facts, exports).map((subpath) => `\`${subpath}\``);
    return [
      isFile(facts) ? `\`${room.name}\`` : `\`${room.name}/\``,
      files === 0 ? `${room.holds} (to come)` : room.holds,
      room.pure ? "none" : "yes",
      subpaths.join(" "),
    ];
  });
  return markdownTable(["room", "holds", "effects", "users import"], rows);
}

/** Subpaths of the package whose file is in the room. */
function subpathsOf(facts: RoomFacts, exports: Readonly<Record<string, string>>): string[] {
  const { name } = facts.room;
  const folder = isFile(facts) ? `./lib/${name}` : `./lib/${name}/`;
  return Object.entries(exports)
    .filter(([, file]) => file.startsWith(folder))
    .map(([subpath]) => subpath);
}

function isFile({ room }: RoomFacts): boolean {
  return room.name.endsWith(".ts");
}

/** One letter a room names its column, and stands on the diagonal. */
const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** Which room imports which: a row imports each column that has a mark. */
export function dependencyMatrix(house: House): string {
  const rooms = house.rooms.filter(({ files }) => files > 0);
  const first = Math.max(...rooms.map(({ room }) => room.name.length));
  return rooms.map(({ room, imports }, row) => {
    const cells = rooms.map((other, column) =>
      column === row ? LETTERS.charAt(row) : imports.has(other.room.name) ? "●" : "·"
    );
    // A mark right of the diagonal would break the law of imports.
    const shown = cells.findLastIndex((cell) => cell !== "·") + 1;
    return `${room.name.padEnd(first)}  ${cells.slice(0, shown).join(" ")}`;
  }).join("\n");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

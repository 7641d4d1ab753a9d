/** What there is to know about the house: its rooms, how large they are, and what imports what. */
import { findCircles } from "./circles.ts";
import { readGraph } from "./imports.ts";
import { type Room, roomOf, ROOMS } from "./rooms.ts";
import { listSources } from "./sources.ts";

/** A room as it is. */
export interface RoomFacts {
  /** Its row of the table. */
  readonly room: Room;
  /** Number of its TypeScript files; 0 for a room that is still to come. */
  readonly files: number;
  /** Number of lines of these files, comments and blank lines included. */
  readonly lines: number;
  /** Files of this room that import another room: name of that room → number of imports. */
  readonly imports: ReadonlyMap<string, number>;
}

/** All rooms as they are. */
export interface House {
  /** In the order of the table. */
  readonly rooms: readonly RoomFacts[];
  /** Import circles, one line each. */
  readonly circles: readonly string[];
}

/** Measures the shipped code of a project. */
export async function readHouse(root: string): Promise<House> {
  const { imports } = await readGraph(root);
  const edges = new Map(ROOMS.map(({ name }) => [name, new Map<string, Set<string>>()]));
  for (const { from, to } of imports) {
    const [source, target] = [roomOf(from), roomOf(to)];
    if (source === undefined || target === undefined || source === target) continue;
    const targets = edges.get(source.name);
    const pairs = targets?.get(target.name) ?? new Set();
    // Values and types that come from the same file are one import.
    targets?.set(target.name, pairs.add(`${from} ${to}`));
  }
  const sizes = new Map(ROOMS.map(({ name }) => [name, { files: 0, lines: 0 }]));
  for (const path of await listSources(root)) {
    const size = sizes.get(roomOf(path)?.name ?? "");
    if (size === undefined) continue;
    size.files++;
    size.lines += (await Deno.readTextFile(`${root}/${path}`)).split("\n").length - 1;
  }
  return {
    rooms: ROOMS.map((room) => ({
      room,
      ...(sizes.get(room.name) ?? { files: 0, lines: 0 }),
      imports: new Map(
        ROOMS.flatMap(({ name }) => {
          const pairs = edges.get(room.name)?.get(name);
          return pairs === undefined ? [] : [[name, pairs.size] as const];
        }),
      ),
    })),
    circles: findCircles(imports),
  };
}

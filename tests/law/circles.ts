/** The law of circles: no file imports itself by way of others, not even for a type. */
import type { Import } from "./imports.ts";
import { SPAWN } from "./rooms.ts";

/**
 * The import circles among the shipped files, one line each, such as `a.ts → b.ts → a.ts`.
 *
 * Files that reach each other form a knot. Of each knot the shortest circle is named: mend that one,
 * and what is left of the knot shows itself in the next run.
 *
 * The imports of worker entries in {@linkcode SPAWN} do not count. They never run, and every job of a worker
 * comes back to the pool.
 */
export function findCircles(imports: readonly Import[]): string[] {
  const graph = toGraph(imports);
  return knots(graph).map((knot) => shortestCircle(graph, knot).join(" → ")).sort();
}

/** For each file the shipped files that it imports, sorted. */
type FileGraph = ReadonlyMap<string, readonly string[]>;

function toGraph(imports: readonly Import[]): FileGraph {
  const files = new Set(imports.map(({ from }) => from));
  const graph = new Map<string, Set<string>>();
  for (const file of [...files].sort()) graph.set(file, new Set());
  for (const { from, to } of imports) {
    // A file that imports nothing is on no circle.
    if (files.has(to) && !isWorkerEntry(from, to)) graph.get(from)?.add(to);
  }
  return new Map([...graph].map(([file, targets]) => [file, [...targets].sort()]));
}

function isWorkerEntry(from: string, to: string): boolean {
  return from === SPAWN && to.startsWith("workers/");
}

/** Groups of files that reach each other (Tarjan's strongly connected components). */
function knots(graph: FileGraph): string[][] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const stack: string[] = [];
  const onStack = new Set<string>();
  const visit = (file: string): number => {
    const index = order.size;
    order.set(file, index);
    let low = index;
    stack.push(file);
    onStack.add(file);
    for (const next of graph.get(file) ?? []) {
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (onStack.has(next)) low = Math.min(low, order.get(next) ?? low);
    }
    if (low === index) {
      const knot = stack.splice(stack.indexOf(file));
      for (const member of knot) onStack.delete(member);
      const importsItself = graph.get(file)?.includes(file) ?? false;
      if (knot.length > 1 || importsItself) found.push(knot.sort());
    }
    return low;
  };
  for (const file of graph.keys()) {
    if (!order.has(file)) visit(file);
  }
  return found;
}

/** The shortest way from a file of the knot back to itself; of equal ones the first by name. */
function shortestCircle(graph: FileGraph, knot: readonly string[]): string[] {
  const circles = knot.map((file) => wayBack(graph, file)).filter((circle) => circle.length > 0);
  circles.sort((a, b) => a.length - b.length);
  return circles[0] ?? [];
}

function wayBack(graph: FileGraph, start: string): string[] {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    for (const next of graph.get(file) ?? []) {
      if (next === start) return trace(cameFrom, start, file);
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, file);
      queue.push(next);
    }
  }
  return [];
}

function trace(cameFrom: ReadonlyMap<string, string>, start: string, last: string): string[] {
  const way = [last, start];
  for (let file = last; file !== start;) {
    file = cameFrom.get(file) ?? start;
    way.unshift(file);
  }
  return way;
}

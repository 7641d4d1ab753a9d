import { formatBytes } from "../../bytes/mod.ts";
import { element } from "./dom.ts";
import { explorer } from "./explorer.ts";
import { icicle, squarify, treemap } from "./layouts.ts";
import {
  bytesBelow,
  entriesOf,
  indexOf,
  lastChange,
  lowerPaths,
  modelOf,
  pathOf,
} from "./model.ts";
import { readState, writeState } from "./state.ts";
import { longText, percentText, tableOf } from "./text.ts";
import {
  crumbs,
  detailsView,
  diffView,
  layersView,
  mapView,
  searchView,
  stateLink,
  treeList,
  treeView,
  wasteView,
} from "./views.ts";

/** Every function of the page. Each is in the page under its name, so that the others find it. */
const FUNCTIONS: readonly ((...args: never[]) => unknown)[] = [
  element,
  formatBytes,
  percentText,
  longText,
  tableOf,
  readState,
  writeState,
  modelOf,
  pathOf,
  entriesOf,
  indexOf,
  bytesBelow,
  lastChange,
  lowerPaths,
  treemap,
  squarify,
  icicle,
  stateLink,
  crumbs,
  detailsView,
  layersView,
  treeList,
  treeView,
  mapView,
  wasteView,
  searchView,
  diffView,
  explorer,
];

/**
 * The program of the page, as JavaScript: the text of its functions, as the runtime has it without types. So no step of
 * a build makes it, and it is the same from sources, from a package and in a compiled program.
 */
export function pageProgram(): string {
  return `"use strict";\n${FUNCTIONS.map(String).join("\n")}\n${explorer.name}();\n`;
}

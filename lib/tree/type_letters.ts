import type { Node } from "./node.ts";

/** The letter of each type of node, as `ls -l` has it; `w` for a whiteout, which `ls` does not have. */
export const TYPE_LETTERS: Readonly<Record<Node["type"], string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  char: "c",
  block: "b",
  fifo: "p",
  whiteout: "w",
};

/** Lays out `--help`, so that no word is broken on a terminal of any width. */
import { Help } from "commander";
import type { Io } from "../io.ts";
import { textWidth } from "./width.ts";
import { wrapLine, wrapText } from "./wrap.ts";

/** Columns of the help where it does not go to a terminal. */
export const HELP_WIDTH = 80;
/** Most columns of the help: longer lines are hard to read. */
const WIDEST = 100;
/** Fewest columns for a description beside its term. With fewer, it stands below the term. */
const LEAST = 24;
/** Indentation of a description that stands below its term. */
const BELOW = 6;

/** Columns of the help on this terminal. */
export function helpWidth(io: Io): number {
  return Math.min((io.size?.("stdout") ?? io.size?.("stderr"))?.columns ?? HELP_WIDTH, WIDEST);
}

/** How commander prints usage, options and verbs. */
export function helpStyle(width: number): Partial<Help> {
  return {
    showGlobalOptions: true,
    helpWidth: width,
    subcommandTerm: (command) => command.name(),
    formatItem(term, termWidth, description) {
      const left = termWidth + 4;
      const isBeside = width - left >= LEAST;
      const head = `  ${term.padEnd(termWidth)}  `;
      if (isBeside) return wrapLine(head + description, width, left).join("\n");
      const below = `${" ".repeat(BELOW)}${description}`;
      return [...wrapLine(`  ${term}`, width, BELOW), ...wrapLine(below, width, BELOW)].join("\n");
    },
    formatHelp(command, helper) {
      const text = Help.prototype.formatHelp.call(helper, command, helper);
      return wrapText(text, width, BELOW);
    },
  };
}

/**
 * Lays out the help of a verb. Paragraphs are wrapped to `width`, and their line breaks in the source are ignored. A
 * line that begins with a space is an example: where it has to be broken, it ends with the shell's `\`, so that it can
 * be copied.
 */
export function helpOf(text: string, width: number): string {
  return text.split("\n\n").map((paragraph) => paragraphOf(paragraph, width)).join("\n\n");
}

function paragraphOf(text: string, width: number): string {
  const out: string[] = [];
  let prose = "";
  const flush = () => {
    if (prose !== "") out.push(...wrapLine(prose, width, prose.startsWith("JSON") ? 2 : 0));
    prose = "";
  };
  for (const line of text.split("\n")) {
    if (line.startsWith(" ")) {
      flush();
      out.push(exampleOf(line, width));
    } else if (prose === "") prose = line;
    // The lines of a description of JSON are joined without a space.
    else prose += /,$/.test(prose) && /^["{[]/.test(line) ? line : ` ${line}`;
  }
  flush();
  return out.join("\n");
}

function exampleOf(line: string, width: number): string {
  if (textWidth(line) <= width) return line;
  const indent = line.length - line.trimStart().length;
  // In quotes, a `\` at the end of a line would be a part of the word.
  const whole = line.replace(/'[^']*'/g, (quoted) => quoted.replaceAll(" ", "\u00a0"));
  return wrapLine(whole, width - 2, indent + 2).join(" \\\n").replaceAll("\u00a0", " ");
}

/** Short items in as many columns as fit, in rows from left to right, each with a newline. */
export function gridOf(items: readonly string[], width: number): string {
  const cell = items.reduce((widest, item) => Math.max(widest, textWidth(item)), 0) + 2;
  const perRow = Math.max(1, Math.floor(width / cell));
  let out = "";
  for (let i = 0; i < items.length; i += perRow) {
    const row = items.slice(i, i + perRow).map((item) => `  ${item.padEnd(cell - 2)}`).join("");
    out += `${row.trimEnd()}\n`;
  }
  return out;
}

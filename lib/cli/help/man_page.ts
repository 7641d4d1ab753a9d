import type { Command } from "commander";
import { visibleOptions } from "./command_text.ts";
import { TOPICS } from "./topics.ts";

/** A manual page in the language of man(7). */
export interface ManPage {
  /** Name of the page, such as `varve-snapshot-ls`. */
  readonly name: string;
  readonly text: string;
}

/**
 * The manual page of a command.
 *
 * @param path words before the command, such as `varve snapshot`; empty for the program
 * @param help the text after the options; empty for the program, whose page lists verbs and topics
 */
export function manPage(
  command: Command,
  path: readonly string[],
  help: string,
  version: string,
): ManPage {
  const words = [...path, command.name()];
  const name = words.join("-");
  const lines = [
    `.TH ${quoted(name.toUpperCase())} 1 "" ${quoted(`varve ${version}`)} "User Commands"`,
    ".nh",
    ".ad l",
    ".SH NAME",
    `${text(name)} \\- ${text(command.description())}`,
    ".SH SYNOPSIS",
    `.B ${text(words.join(" "))}`,
    text(command.usage()),
  ];
  if (help !== "") lines.push(".SH DESCRIPTION", ...body(help));
  lines.push(
    ".SH OPTIONS",
    ...visibleOptions(command).flatMap(([flags, about]) => item(flags, about)),
  );
  if (path.length === 0) lines.push(...overview(command));
  else lines.push(".SH SEE ALSO", ".BR varve (1)");
  return { name, text: `${lines.join("\n")}\n` };
}

function overview(program: Command): string[] {
  const lines: string[] = [];
  const sections = Map.groupBy(program.commands, (one) => one.helpGroup());
  for (const [heading, commands] of sections) {
    lines.push(`.SH ${quoted(heading.replace(/:$/, "").toUpperCase())}`);
    for (const one of commands) lines.push(...item(one.name(), one.description()));
  }
  for (const [name, { summary, text: topic }] of Object.entries(TOPICS)) {
    lines.push(`.SH ${quoted(`${name.toUpperCase()}: ${summary}`)}`, ...body(topic));
  }
  return lines;
}

function item(term: string, about: string): string[] {
  return [".TP", `.B ${text(term)}`, text(about)];
}

/** Paragraphs. Lines that begin with a space are kept as they are. */
function body(help: string): string[] {
  const lines: string[] = [];
  for (const paragraph of help.split("\n\n")) {
    lines.push(".PP");
    let isExample = false;
    for (const line of paragraph.split("\n")) {
      if (line.startsWith(" ") !== isExample) {
        lines.push(isExample ? ".fi" : ".nf");
        isExample = !isExample;
      }
      lines.push(text(line));
    }
    if (isExample) lines.push(".fi");
  }
  return lines;
}

/** A line of text in roff: backslashes, hyphens, and dots and apostrophes at its beginning are meant as they are. */
function text(line: string): string {
  const escaped = line.replaceAll("\\", "\\e").replaceAll("-", "\\-");
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

function quoted(value: string): string {
  return `"${text(value).replaceAll('"', '""')}"`;
}

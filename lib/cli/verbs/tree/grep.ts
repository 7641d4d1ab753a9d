import { type ByteString, escapeForTerminal, joinBytes } from "../../../bytes/mod.ts";
import { EXIT_CODES, VarveError } from "../../../errors.ts";
import { type FileNode, walk } from "../../../tree/mod.ts";
import { writeList } from "../../display/json.ts";
import { writeForeign } from "../../display/output.ts";
import { openPath, type Target } from "../../files/open_files.ts";
import { compileSearch, type Line, type Search, searchLines } from "../../files/search.ts";
import { PLATFORM_OPTION } from "../../images.ts";
import type { Options, Verb } from "../../verb.ts";
import { PLAIN_HTTP_OPTION } from "../../sources/plain_http.ts";

/** `varve grep`. */
export const grep: Verb = {
  usage: "grep <pattern> <ref[:/path]>",
  withoutStore: "refuses",
  summary: "search the files of an image for a pattern",
  onlyReads: true,
  help:
    `All files below a directory are searched, without mounting anything. Symbolic links below it are not followed. PATTERN is
a regular expression of JavaScript; with -F it is text. Lines are UTF-8, and are printed as they are; on a terminal,
characters that could control it are escaped. Of a file with NUL bytes, only whether it matches is printed.

The exit code is 0 also where nothing matches; with --exit-code or -q it is then 13.

JSON: [{"path","line","text"}], for a file with NUL bytes [{"path","binary"}]; with -l [{"path"}]; with -c
[{"path","count"}]

Examples:
  varve grep -n '^root' debian:/etc/passwd
  varve grep -rlF 'PRIVATE KEY' app:1`,
  configure(command) {
    command
      .option("-r, --recursive", "search everything below a directory, which is the default")
      .option("-E, --extended-regexp", "PATTERN is a regular expression, which is the default")
      .option("-F, --fixed-strings", "PATTERN is text")
      .option("-i, --ignore-case", "do not tell upper from lower case")
      .option("-w, --word-regexp", "match whole words only")
      .option("-v, --invert-match", "print the lines that do not match")
      .option("-n, --line-number", "print the number of each line")
      .option("-l, --files-with-matches", "print only the paths of files that match")
      .option("-c, --count", "print only the number of lines of each file that match")
      .option("-q, --silent", "print nothing, end with 13 if nothing matches")
      .option("--exit-code", "end with 13 if nothing matches")
      .option(...PLATFORM_OPTION).option(...PLAIN_HTTP_OPTION);
  },
  async run(context, [pattern = "", argument = ""], options) {
    const search = searchOf(pattern, options);
    await using target = await openPath(context, argument, true, options);
    const { node } = target;
    if (node.type !== "directory" && node.type !== "file") {
      throw new VarveError(
        "E_USAGE",
        `Cannot search ${argument}: it is a ${node.type}, not a file or directory`,
      );
    }
    let isFound = false;
    async function* found(): AsyncGenerator<Result> {
      for await (const result of resultsOf(target, search, options)) {
        isFound ||= result.count !== 0;
        yield result;
      }
    }
    if (options["silent"] === true) {
      for await (const { count } of found()) if (count !== 0) break;
    } else if (context.options.format === "json") {
      await writeList(context.io, jsonOf(found()), context.template);
    } else {
      const isAlone = node.type === "file";
      await writeForeign(
        context.io,
        linesOf(found(), { isAlone, numbers: options["lineNumber"] === true }),
      );
    }
    const mustMatch = options["silent"] === true || options["exitCode"] === true;
    return { json: undefined, text: "", exit: mustMatch && !isFound ? EXIT_CODES.E_RULE : 0 };
  },
};

function searchOf(pattern: string, options: Options): Search {
  try {
    return compileSearch(pattern, {
      fixed: options["fixedStrings"] === true,
      ignoreCase: options["ignoreCase"] === true,
      words: options["wordRegexp"] === true,
      invert: options["invertMatch"] === true,
    });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new VarveError(
      "E_USAGE",
      `Cannot search for ${JSON.stringify(pattern)}: ${error.message}`,
      {
        hint: "with -F, a pattern is text",
      },
    );
  }
}

/** What is printed about a file: a line, that it is binary and matches, its path alone, or a number of lines. */
interface Result {
  readonly path: ByteString;
  readonly line?: Line | undefined;
  readonly isBinary?: boolean | undefined;
  readonly count?: number | undefined;
}

async function* resultsOf(
  target: Target,
  search: Search,
  options: Options,
): AsyncGenerator<Result> {
  const { contents } = target.files;
  for await (const { path, node } of filesOf(target)) {
    const found = searchLines(contents.read(path, node), search, options["count"] === true);
    if (options["count"] === true) {
      let count = 0;
      for await (const _ of found) count++;
      yield { path, count };
      continue;
    }
    for await (const one of found) {
      if (options["filesWithMatches"] === true) {
        yield { path };
        break;
      }
      yield one === "binary" ? { path, isBinary: true } : { path, line: one };
    }
  }
}

async function* filesOf(
  { files, path, node }: Target,
): AsyncGenerator<{ readonly path: ByteString; readonly node: FileNode }> {
  if (node.type === "file") {
    yield { path, node };
    return;
  }
  for (const entry of walk(await files.tree(), { from: path })) {
    if (entry.node.type === "file") yield { path: entry.path, node: entry.node };
  }
}

async function* jsonOf(results: AsyncIterable<Result>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  for await (const { path, line, isBinary, count } of results) {
    yield {
      path: shown(path),
      line: line?.number,
      text: line === undefined ? undefined : decoder.decode(line.bytes),
      binary: isBinary,
      count,
    };
  }
}

function shown(path: ByteString): string {
  return escapeForTerminal(`/${path}` as ByteString);
}

/** The output as grep(1) has it. A file that was named itself is not named in it again. */
async function* linesOf(
  results: AsyncIterable<Result>,
  { isAlone, numbers }: { readonly isAlone: boolean; readonly numbers: boolean },
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  let batch: Uint8Array[] = [];
  let last: ByteString | undefined;
  for await (const { path, line, isBinary, count } of results) {
    // Many lines of one file are one write.
    if (batch.length >= BATCH || last !== path && batch.length > 0) {
      yield joinBytes(batch);
      batch = [];
    }
    last = path;
    const name = shown(path);
    const head = isAlone ? "" : `${name}:`;
    if (line !== undefined) {
      const number = numbers ? `${line.number}:` : "";
      batch.push(encoder.encode(head + number), line.bytes, NEWLINE);
    } else if (isBinary === true) batch.push(encoder.encode(`Binary file ${name} matches\n`));
    else batch.push(encoder.encode(count === undefined ? `${name}\n` : `${head}${count}\n`));
  }
  yield joinBytes(batch);
}

/** Number of pieces of lines that are written together. */
const BATCH = 3000;
const NEWLINE = new Uint8Array([0x0a]);

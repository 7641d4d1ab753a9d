import { type ByteString, escapeForTerminal } from "../../../bytes/mod.ts";
import { sha256 } from "../../../digest/mod.ts";
import { isVarveError, VarveError } from "../../../errors.ts";
import { fileError } from "../../../linux/mod.ts";
import type { FileNode } from "../../../tree/mod.ts";
import { type Files, findPath, lastName } from "../../files/open_files.ts";
import { argumentBytes } from "../../images.ts";
import { firstBytes, hexPreview, MOST_HEX, MOST_TEXT, textPreview } from "./live_preview.ts";

/** What a live page serves. */
export interface LiveOptions {
  /** Port of 127.0.0.1; 0 for a free one. */
  readonly port: number;
  /** The page, in parts. Called for each request. */
  page(): Iterable<string>;
  /** Reads the files of each image of the page. */
  readonly files: readonly Files[];
  /** Aborted to end the server. */
  readonly signal: AbortSignal;
}

/** A running server. */
export interface LivePage {
  /** Address of the page: whoever knows it can read the image. */
  readonly url: string;
  /** Resolves when the server has ended. */
  readonly finished: Promise<void>;
}

/** Headers of every answer: nothing is guessed, kept, framed or told to others. */
const HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-frame-options": "DENY",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
};

/** Headers of a file of the image: it is never shown as anything but text, and can do nothing. */
const FILE_HEADERS: Readonly<Record<string, string>> = {
  ...HEADERS,
  "content-security-policy": "default-src 'none'; sandbox",
};

/**
 * Serves the page and the files of its images on loopback, to whoever knows the address: it holds a random token of 128
 * bits. A page on the internet can neither guess it nor use it: requests for another host or from another origin are
 * refused, as is everything but GET.
 *
 * @throws {VarveError} `E_BUSY` the port is taken · `E_DENIED` this user may not listen on it
 */
export function serveLive({ port, page, files, signal }: LiveOptions): LivePage {
  const token = crypto.getRandomValues(new Uint8Array(16)).toHex();
  const server = listen(port, signal, async (request) => {
    const refusal = refusalOf(request, server.addr.port, token);
    if (refusal !== undefined) return refusal;
    const { pathname, searchParams } = new URL(request.url);
    const name = pathname.slice(token.length + 2);
    if (name === "") return pageResponse(page());
    const shown = files[indexOf(searchParams.get("image"))];
    if (shown === undefined) return plain(404, "there is no such image\n");
    try {
      return await fileResponse(shown, name, searchParams.get("path"));
    } catch (error) {
      if (!isVarveError(error)) throw error;
      return plain(500, `${error.message}\n`);
    }
  });
  const url = `http://127.0.0.1:${server.addr.port}/${token}/`;
  return { url, finished: server.finished };
}

/** The index of an image: the first where none is given, -1 for a text that is none. */
function indexOf(text: string | null): number {
  return text === null ? 0 : /^[0-9]$/.test(text) ? Number(text) : -1;
}

function listen(
  port: number,
  signal: AbortSignal,
  handler: (request: Request) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname: "127.0.0.1", port, signal, onListen: () => {} }, handler);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) {
      throw fileError(error, `listen on port ${port}`);
    }
    throw new VarveError("E_BUSY", `Cannot listen on port ${port}: it is taken`, {
      hint: "--port 0 takes a free port",
    });
  }
}

/** The answer to a request that is refused; `undefined` for one that is not. */
function refusalOf(request: Request, port: number, token: string): Response | undefined {
  if (request.method !== "GET") return plain(405, "only GET is answered\n", { allow: "GET" });
  const hosts = [`127.0.0.1:${port}`, `localhost:${port}`];
  // A name that an attacker's DNS points to this machine is another host (DNS rebinding).
  if (!hosts.includes(request.headers.get("host") ?? "")) return plain(403, "another host\n");
  const origin = request.headers.get("origin");
  const isOwn = origin === null || hosts.some((host) => origin === `http://${host}`);
  const site = request.headers.get("sec-fetch-site");
  if (!isOwn || site === "cross-site" || site === "same-site") {
    return plain(403, "another origin\n");
  }
  const [, given = "", ...rest] = new URL(request.url).pathname.split("/");
  // Digests are compared, so that the time of the comparison says nothing of the token.
  const isKnown = hashOf(given) === hashOf(token) && rest.length === 1;
  return isKnown ? undefined : plain(404, "there is nothing here\n");
}

function hashOf(text: string): string {
  return sha256(new TextEncoder().encode(text));
}

function pageResponse(parts: Iterable<string>): Response {
  const body = ReadableStream.from(parts).pipeThrough(new TextEncoderStream());
  return new Response(body, {
    headers: { ...HEADERS, "content-type": "text/html; charset=utf-8" },
  });
}

async function fileResponse(
  { view, contents }: Files,
  name: string,
  text: string | null,
): Promise<Response> {
  if (!["text", "hex", "file"].includes(name)) return plain(404, "there is nothing here\n");
  const path = argumentBytes(text ?? "");
  if (path.split("/").includes("..")) return plain(400, "a path holds no ..\n");
  const found = findPath(view, path, false);
  if (found?.node.type !== "file") return plain(404, "there is no such file\n");
  const { node } = found;
  const read = () => contents.read(path, node);
  if (name === "file") return download(path, node, read());
  const most = name === "hex" ? MOST_HEX : MOST_TEXT;
  const bytes = await firstBytes(read(), most);
  return plain(200, (name === "hex" ? hexPreview : textPreview)(bytes, node.size));
}

function download(
  path: ByteString,
  { size }: FileNode,
  chunks: AsyncIterable<Uint8Array>,
): Response {
  const name = encodeURIComponent(escapeForTerminal(lastName(path)).replaceAll("\\", "_"));
  return new Response(ReadableStream.from(chunks) as ReadableStream<Uint8Array<ArrayBuffer>>, {
    headers: {
      ...FILE_HEADERS,
      "content-type": "application/octet-stream",
      "content-length": String(size),
      "content-disposition": `attachment; filename*=UTF-8''${name}`,
    },
  });
}

function plain(
  status: number,
  text: string,
  more: Readonly<Record<string, string>> = {},
): Response {
  const headers = { ...FILE_HEADERS, ...more, "content-type": "text/plain; charset=utf-8" };
  return new Response(text, { status, headers });
}

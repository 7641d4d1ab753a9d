import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { VarveError } from "../../errors.ts";
import { fileError, withUmask } from "../../linux/mod.ts";

/** Longest path of a Unix socket in bytes: `sun_path` has 108, with a NUL at the end. */
const MAX_PATH = 107;

/** Only the owner may connect. */
const UMASK = 0o177;

/**
 * Accepts on a socket that listens already: one that the parent process has made and keeps. So no connection is refused
 * while this process is started again.
 */
export async function listenAt(
  descriptor: number,
  onConnection: (connection: Socket) => void,
): Promise<AsyncDisposable> {
  const server = createServer(onConnection);
  const listening = once(server, "listening");
  try {
    server.listen({ fd: descriptor });
    await listening;
  } catch (error) {
    throw fileError(error, `listen on descriptor ${descriptor}`);
  }
  return {
    [Symbol.asyncDispose]() {
      server.close();
      return Promise.resolve();
    },
  };
}

/**
 * Listens on a Unix socket. Disposing ends the listening and removes the socket; connections go on. A dead socket is replaced; anything else that has the path stays as it is.
 *
 * The socket listens before it has its name, and has its mode before that: it is bound to a temporary name under a
 * umask, then renamed. So nobody finds a socket that refuses connections, or one that others may open. Its directory is
 * made where it is missing, as `/run/varve` is after a boot.
 *
 * @throws {VarveError} `E_USAGE` the path is too long or not absolute · `E_EXISTS` it is a file or a directory ·
 * `E_BUSY` another process answers there · `E_SYSCALL` as the kernel says
 */
export async function listenOn(
  path: string,
  onConnection: (connection: Socket) => void,
): Promise<AsyncDisposable> {
  const temporary = `${path}.${Deno.pid}`;
  const length = new TextEncoder().encode(temporary).length;
  if (!path.startsWith("/") || length > MAX_PATH) {
    const reason = path.startsWith("/")
      ? `its path is too long: at most ${MAX_PATH - String(Deno.pid).length - 1} bytes`
      : "its path is not absolute";
    throw new VarveError("E_USAGE", `Cannot listen on ${path}: ${reason}`, { subject: path });
  }
  await refuseTaken(path);
  const server = createServer(onConnection);
  try {
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")) || "/", { mode: 0o700 }).catch(
      ignorePresent,
    );
    await Deno.remove(temporary).catch(ignoreMissing);
    const listening = once(server, "listening");
    // bind(2) happens within the call, so nothing else is made under this umask.
    withUmask(UMASK, () => void server.listen({ path: temporary }));
    await listening;
    await Deno.rename(temporary, path);
  } catch (error) {
    server.close();
    await Deno.remove(temporary).catch(ignoreMissing);
    throw fileError(error, `listen on ${path}`);
  }
  const inode = (await Deno.lstat(path)).ino;
  return {
    async [Symbol.asyncDispose]() {
      server.close();
      // Another daemon may have taken the path meanwhile.
      const now = await Deno.lstat(path).catch(ignoreMissing);
      if (now !== undefined && now.ino === inode) await Deno.remove(path).catch(ignoreMissing);
    },
  };
}

/** Throws where the path is not free: only a socket that nobody answers is. */
async function refuseTaken(path: string): Promise<void> {
  const found = await Deno.lstat(path).catch(ignoreMissing);
  if (found === undefined) return;
  const subject = { subject: path };
  if (found.isSocket !== true) {
    const kind = found.isDirectory ? "a directory" : found.isSymlink ? "a link" : "a file";
    throw new VarveError("E_EXISTS", `Cannot listen on ${path}: it is ${kind}`, subject);
  }
  if (await isAnswered(path)) {
    throw new VarveError("E_BUSY", `Cannot listen on ${path}: another process answers there`, {
      ...subject,
      hint: "end that process, or choose another socket",
    });
  }
}

/** Whether a process accepts connections on a socket. */
async function isAnswered(path: string): Promise<boolean> {
  const connection = connect(path);
  try {
    await once(connection, "connect");
    return true;
  } catch (error) {
    const { code } = error as { readonly code?: string };
    // A full queue, or a socket that this user may not open, has somebody behind it.
    return code !== "ECONNREFUSED" && code !== "ENOENT";
  } finally {
    connection.destroy();
  }
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Deno.errors.NotFound) return undefined;
  throw error;
}

function ignorePresent(error: unknown): void {
  if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
}

/** What a socket unit of systemd does: it keeps a listening socket, and each daemon that it starts inherits it. */

/** A socket that listens while no daemon runs. Dispose closes and removes it. */
export interface SocketUnit extends AsyncDisposable {
  /** A command line that starts the one which it is followed by, with the socket as descriptor 3. */
  readonly starter: readonly string[];
}

/** Binds the socket, says so, and keeps it until its input ends. */
const KEEP = `
import os, socket, sys
os.umask(0o177)
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(4096)
sys.stdout.write(f"{s.fileno()}\\n")
sys.stdout.flush()
sys.stdin.read()
os.unlink(sys.argv[1])
`;

/** Takes the descriptor of another process (pidfd_getfd(2)) and starts a command with it. */
const TAKE = `
import ctypes, os, sys
pid, fd, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
taken = ctypes.CDLL(None, use_errno=True).syscall(438, os.pidfd_open(pid), fd, 0)
if taken < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
if taken != 3:
    os.dup2(taken, 3)
    os.close(taken)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(command[0], command)
`;

/** Makes the socket. Root only: it needs `python3`. */
export async function socketUnit(path: string): Promise<SocketUnit> {
  const keeper = new Deno.Command("python3", {
    args: ["-c", KEEP, path],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = keeper.stdout.getReader();
  const stop = async () => {
    await reader.cancel();
    await keeper.stdin.close();
    await keeper.status;
  };
  const { value } = await reader.read();
  const descriptor = new TextDecoder().decode(value).trim();
  if (!/^\d+$/.test(descriptor)) {
    await stop();
    throw new Error(`Cannot keep a socket at ${path}`);
  }
  return {
    starter: ["python3", "-c", TAKE, String(keeper.pid), descriptor],
    [Symbol.asyncDispose]: stop,
  };
}

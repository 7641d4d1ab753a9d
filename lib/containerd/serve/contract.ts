/** Options of {@linkcode serveContainerd}. */
export interface ServeContainerdOptions {
  /** Absolute path of the Unix socket to listen on. */
  readonly socket: string;
}

/** Running services. Dispose it to end them: running calls get ten seconds. It unmounts and removes nothing. */
export interface ContainerdServer extends AsyncDisposable {
  /** Absolute path of the socket. */
  readonly socket: string;
}

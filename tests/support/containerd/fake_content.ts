/** containerd's content store and leases, as a directory of this process. */
import { type Digest, hexOf, sha256 } from "../../../lib/digest/mod.ts";
import { VarveError } from "../../../lib/errors.ts";
import type {
  ContainerdLeases,
  ContentInfo,
  ContentStore,
  ReadOptions,
  WriteRequest,
} from "../../../lib/containerd/contract.ts";

/** A content store with counters, in a directory. */
export class FakeContent implements ContentStore, ContainerdLeases {
  /** Calls of each method. */
  readonly calls: Record<"info" | "list" | "read" | "write", number> = {
    info: 0,
    list: 0,
    read: 0,
    write: 0,
  };
  /** Leases that were made: id to labels. */
  readonly leases: Map<string, Readonly<Record<string, string>>> = new Map();
  /** Leases that writes named. */
  readonly usedLeases: (string | undefined)[] = [];
  /** Whether the files can be read without asking. */
  hasRoot = true;
  /** Called before each answer of `read`, with the number of bytes that were read. */
  onRead: (read: number) => Promise<void> = () => Promise.resolve();
  /** Called before a blob is written. */
  onWrite: () => Promise<void> = () => Promise.resolve();
  readonly #root: string;
  /** By namespace and digest. */
  readonly #blobs = new Map<string, ContentInfo>();

  private constructor(root: string) {
    this.#root = root;
  }

  static async make(root: string): Promise<FakeContent> {
    await Deno.mkdir(`${root}/blobs/sha256`, { recursive: true });
    return new FakeContent(root);
  }

  /** Path of the file of a blob. */
  file(digest: Digest): string {
    return `${this.#root}/blobs/sha256/${hexOf(digest)}`;
  }

  /** Adds a blob to a namespace. */
  async add(
    bytes: Uint8Array,
    labels: Readonly<Record<string, string>> = {},
    namespace = "default",
  ): Promise<ContentInfo> {
    const digest = sha256(bytes);
    const info = { digest, size: bytes.length, labels, createdAt: this.#blobs.size };
    await Deno.writeFile(this.file(digest), bytes);
    this.#blobs.set(`${namespace} ${digest}`, info);
    return info;
  }

  /** Adds a manifest with the labels that containerd gives it before it is unpacked. */
  async addManifest(layers: readonly ContentInfo[], namespace = "default"): Promise<ContentInfo> {
    const labels = Object.fromEntries(
      layers.map(({ digest }, i) => [`containerd.io/gc.ref.content.l.${i}`, digest]),
    );
    const text = JSON.stringify([this.#blobs.size, ...layers.map(({ digest }) => digest)]);
    return await this.add(new TextEncoder().encode(text), labels, namespace);
  }

  root(): Promise<string | null> {
    return Promise.resolve(this.hasRoot ? this.#root : null);
  }

  info(digest: Digest, namespace: string): Promise<ContentInfo> {
    this.calls.info++;
    return Promise.resolve().then(() => this.#find(digest, namespace));
  }

  async *list(filters: readonly string[], namespace: string): AsyncGenerator<ContentInfo> {
    this.calls.list++;
    await Promise.resolve();
    for (const [key, info] of this.#blobs) {
      if (!key.startsWith(`${namespace} `)) continue;
      const texts = Object.entries(info.labels).map(([label, value]) =>
        `labels.${JSON.stringify(label)}==${JSON.stringify(value)}`
      );
      if (texts.some((text) => filters.includes(text))) yield info;
    }
  }

  async *read(
    digest: Digest,
    namespace: string,
    { signal }: ReadOptions = {},
  ): AsyncGenerator<Uint8Array> {
    this.calls.read++;
    this.#find(digest, namespace);
    const bytes = await Deno.readFile(this.file(digest));
    const piece = 64 * 1024;
    for (let at = 0; at < bytes.length; at += piece) {
      await this.onRead(at);
      signal?.throwIfAborted();
      yield bytes.subarray(at, at + piece);
    }
  }

  label(
    digest: Digest,
    namespace: string,
    labels: Readonly<Record<string, string>>,
  ): Promise<void> {
    return Promise.resolve().then(() => {
      const info = this.#find(digest, namespace);
      const all = { ...info.labels, ...labels };
      this.#blobs.set(`${namespace} ${digest}`, { ...info, labels: all });
    });
  }

  async write(
    { namespace, labels = {}, lease }: WriteRequest,
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<{ readonly digest: Digest; readonly size: number }> {
    this.calls.write++;
    this.usedLeases.push(lease);
    await this.onWrite();
    const chunks: Uint8Array[] = [];
    for await (const chunk of bytes) chunks.push(chunk.slice());
    const all = new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
    // As containerd does, one that exists keeps its labels.
    const known = this.#blobs.get(`${namespace} ${sha256(all)}`);
    if (known !== undefined) return known;
    return await this.add(all, labels, namespace);
  }

  create(_namespace: string, labels: Readonly<Record<string, string>>): Promise<string> {
    const id = `lease-${this.leases.size}`;
    this.leases.set(id, labels);
    return Promise.resolve(id);
  }

  delete(id: string): Promise<void> {
    this.leases.delete(id);
    return Promise.resolve();
  }

  #find(digest: Digest, namespace: string): ContentInfo {
    const info = this.#blobs.get(`${namespace} ${digest}`);
    if (info !== undefined) return info;
    throw new VarveError("E_NOT_FOUND", `Cannot find content ${digest}: ${namespace} lacks it`, {
      subject: digest,
    });
  }
}

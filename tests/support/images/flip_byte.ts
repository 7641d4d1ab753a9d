/** Changes one byte of a file, in place: damage that the size does not show. By default, the byte in the middle. */
export async function flipByte(path: string, position?: number): Promise<void> {
  const { mode } = await Deno.stat(path);
  await Deno.chmod(path, 0o600);
  {
    using file = await Deno.open(path, { read: true, write: true });
    const at = position ?? Math.floor((await file.stat()).size / 2);
    const byte = new Uint8Array(1);
    await file.seek(at, Deno.SeekMode.Start);
    await file.read(byte);
    await file.seek(at, Deno.SeekMode.Start);
    await file.write(byte.map((value) => value ^ 1));
  }
  await Deno.chmod(path, (mode ?? 0) & 0o777);
}

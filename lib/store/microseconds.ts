/** The time now, in microseconds since the epoch. */
export function microseconds(): number {
  return Number(Temporal.Now.instant().epochNanoseconds / 1000n);
}

/**
 * A UUID of version 7: ids sort by the time at which they were made, as those of the engine do. Not by
 * crypto.randomUUID, which a page that came over plain HTTP does not have.
 */
export function uuid(): string {
  const time = hex(Date.now(), 12);
  const chance = Array.from(crypto.getRandomValues(new Uint8Array(9)), (b) => hex(b, 2)).join("");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${chance.slice(0, 3)}-8${chance.slice(3, 6)}-${chance.slice(6)}`;
}

const hex = (n: number, digits: number) => n.toString(16).padStart(digits, "0");

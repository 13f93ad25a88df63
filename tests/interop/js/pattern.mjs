// SPDX-License-Identifier: LGPL-2.1-or-later

const CHUNK = 32 << 10

// Bytes that differ from stream to stream and never repeat in step with a frame.
function * bytes (stream) {
  let x = (Math.imul(stream + 1, 0x9e3779b9) | 1) >>> 0

  for (;;) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    yield (x >>> 12) & 0xff
  }
}

export function * pattern (stream, n) {
  const source = bytes(stream)

  for (let off = 0; off < n; off += CHUNK) {
    const b = Buffer.allocUnsafe(Math.min(CHUNK, n - off))
    for (let i = 0; i < b.length; i++) b[i] = source.next().value
    yield b
  }
}

// Reads all of it, compares, and wants the end behind it.
export async function check (reader, stream, n) {
  for (const want of pattern(stream, n)) {
    const got = await reader.exactly(want.length)
    if (!got.equals(want)) throw new Error('wrong bytes')
  }
  const more = await reader.drain()
  if (more > 0) throw new Error(`${more} bytes too many`)
}
